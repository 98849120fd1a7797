//! A container runtime that embeds Sluicebox: a socket for each container, labels for what the runtime knows, and the end
//! of a container that is convicted. gVisor would connect as its pod-init configuration says (`sluicebox session`); here
//! a recording is played into the socket, and the container is a process that sleeps.
//!
//!     cargo run --example embed -- DIRECTORY TRACE
#![allow(clippy::print_stdout, reason = "an example talks")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use sluicebox::finding::proto::SecurityEvent;
use sluicebox::finding::proto::v1::Severity;
use sluicebox_daemon::analyze::{Analysis, Knowledge};
use sluicebox_daemon::identity::{ContainerId, Sandbox};
use sluicebox_daemon::play::Player;
use sluicebox_daemon::registry::Registry;
use sluicebox_daemon::serve::{Options, Peer, Receiver};
use sluicebox_daemon::trace;
use tokio::sync::mpsc;

/// Plays a recording, as the sentry would send it.
fn play(socket: &Path, trace: &Path) -> Result<(), Box<dyn Error>> {
    let player = Player::connect(socket)?;
    let mut trace = trace::open(&trace.into())?;
    while let Some(packet) = trace.next_packet()? {
        player.send(packet)?;
    }
    Ok(())
}

/// Runs one container until it is convicted. What the last finding said of it.
pub async fn run(directory: &Path, trace: PathBuf) -> Result<SecurityEvent, Box<dyn Error>> {
    // Once: rules and lists, who is connected, and the threads that receive. Findings come from those threads.
    let knowledge = Knowledge::builtin().ok_or("the built-in rules do not compile")?;
    let registry = Arc::<Registry>::default();
    let (tell, mut told) = mpsc::unbounded_channel();
    let receiver = Receiver::start(Options::default(), move |peer: Peer| {
        let tell = tell.clone();
        // Nobody listens any more only when the runtime ends.
        let analysis = Analysis::new(&knowledge).of(&peer, &registry);
        Ok(analysis.into_consumer(move |finding| drop(tell.send(SecurityEvent::from(&finding)))))
    })?;

    // For each container: who it is, a socket of its own, and only then the container.
    let mut job = Sandbox::named(ContainerId::new(b"job-1")?);
    let labels = [("workspace", "ml"), ("user", "alice"), ("image", "ubuntu:24.04"), ("trust", "none")];
    job.labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    let door = receiver.open_for(job, &directory.join("job-1.sock"))?;
    let mut container = Command::new("sleep").arg("600").spawn()?;
    let socket = door.path().to_owned();
    // It goes on until it is cut off.
    std::thread::spawn(move || drop(play(&socket, &trace)));

    while let Some(event) = told.recv().await {
        let (who, rule) =
            (event.container.clone().unwrap_or_default(), event.rule.clone().unwrap_or_default());
        println!("{} {}: {:?}", String::from_utf8_lossy(&who.id), rule.id, who.labels);
        if who.verified && event.severity == i32::from(Severity::Kill) {
            container.kill()?;
            println!("killed: {}", container.wait()?);
            drop(door);
            receiver.stop().await;
            return Ok(event);
        }
    }
    Err("the receiver ended".into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(directory), Some(trace)) = (arguments.next(), arguments.next()) else {
        return Err("usage: embed DIRECTORY TRACE".into());
    };
    run(&directory, trace).await.map(drop)
}
