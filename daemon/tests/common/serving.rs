//! A server inside of the test, and consumers that report everything that they are told.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use sluicebox::event::Time;
use sluicebox_daemon::serve::{
    Consumer, Counters, End, Factory, Flow, LastWords, Options, Peer, Refusal, Server, Totals,
};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// What the consumers of these tests report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Peer { pid: u32 },
    Packet(Vec<u8>),
    Tick,
    Panicked(String),
    Closed(End),
}

/// Reports everything, and does what it is told to: `panic`, `close`.
struct Teller {
    tell: Sender<Told>,
    flow: Flow,
}

impl Consumer for Teller {
    fn packet(&mut self, packet: &[u8]) {
        match packet {
            b"panic" => panic!("as told"),
            b"close" => self.flow = Flow::Close,
            _ => {}
        }
        self.tell.send(Told::Packet(packet.to_vec())).unwrap();
    }

    fn truncated(&mut self, _beginning: &[u8]) {}

    fn batch_end(&mut self) -> Flow {
        self.flow
    }

    fn tick(&mut self, now: Time) -> Flow {
        assert!(now.is_known());
        self.tell.send(Told::Tick).unwrap();
        Flow::Continue
    }

    fn closed(&mut self, end: End) {
        self.tell.send(Told::Closed(end)).unwrap();
    }

    fn last_words(&self) -> Option<LastWords> {
        let tell = self.tell.clone();
        Some(Box::new(move |message| tell.send(Told::Panicked(message.to_owned())).unwrap()))
    }
}

/// A server on a thread of its own, with one worker. It ends when this is dropped.
pub(crate) struct Running {
    pub(crate) socket: PathBuf,
    pub(crate) counters: Arc<Counters>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Totals>>,
    _directory: TempDir,
}

impl Running {
    pub(crate) fn start(change: impl FnOnce(&mut Options), factory: impl Factory) -> Running {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("events.sock");
        let mut options = Options::at(&socket);
        options.workers = NonZeroUsize::MIN;
        options.tick = Duration::from_secs(3600);
        // All clients are this one process.
        options.max_per_process = NonZeroUsize::MAX;
        change(&mut options);
        let (stop, stopped) = oneshot::channel();
        let (bound, is_bound) = channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let server = Server::bind(options).unwrap();
                bound.send(server.counters()).unwrap();
                server.run(factory, async { drop(stopped.await) }).await.unwrap()
            })
        });
        let counters = is_bound.recv().unwrap();
        Running { socket, counters, stop: Some(stop), thread: Some(thread), _directory: directory }
    }

    pub(crate) fn stop(&mut self) -> Option<Totals> {
        // That is what tells it to stop.
        drop(self.stop.take()?);
        Some(self.thread.take()?.join().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.stop();
        }
    }
}

/// The same with consumers that tell.
pub(crate) struct Serving {
    pub(crate) socket: PathBuf,
    told: Receiver<Told>,
    running: Running,
}

impl Serving {
    pub(crate) fn start(change: impl FnOnce(&mut Options)) -> Serving {
        let (tell, told) = channel();
        let running = Running::start(change, move |peer: Peer| -> Result<Box<dyn Consumer>, Refusal> {
            tell.send(Told::Peer { pid: peer.identity.peer.pid.map_or(0, |pid| pid.0) })?;
            Ok(Box::new(Teller { tell: tell.clone(), flow: Flow::Continue }))
        });
        Serving { socket: running.socket.clone(), told, running }
    }

    pub(crate) fn next(&self) -> Told {
        self.told.recv_timeout(Duration::from_secs(30)).unwrap()
    }

    pub(crate) fn stop(mut self) -> (Totals, Vec<Told>) {
        let totals = self.running.stop().unwrap();
        (totals, self.told.try_iter().collect())
    }
}
