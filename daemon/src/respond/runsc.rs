//! One call of `runsc`, within a time limit.
//!
//! The program is the one that made the sandbox, as the host saw it. It may hang, fail, or be gone; its children may
//! outlive it and hold its output open. None of that may hold up more than this one call.

use std::ffi::OsStr;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::identity::Runtime;

/// How much of an error message is kept, in bytes.
const SAID: u64 = 1024;

/// How long a program that has ended may take to hand over what it said: somebody else may hold the pipe.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// How a call ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Well.
    Done,
    /// With another status; and what it said.
    Failed(ExitStatus, String),
    /// Not in time. It was killed with all of its process group.
    TimedOut(Duration),
    /// It could not be started.
    NotStarted(io::Error),
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Ended::Done => f.write_str("done"),
            Ended::Failed(status, said) if said.is_empty() => write!(f, "{status}"),
            Ended::Failed(status, said) => write!(f, "{status}: {said}"),
            Ended::TimedOut(limit) => write!(f, "no answer within {} s", limit.as_secs()),
            Ended::NotStarted(error) => write!(f, "it does not start: {error}"),
        }
    }
}

/// Calls `runsc --root ROOT ARGUMENTS`.
pub(super) async fn call(runtime: &Runtime, arguments: &[&OsStr], limit: Duration) -> Ended {
    let spawned = Command::new(&runtime.binary)
        .arg("--root")
        .arg(runtime.root.path())
        .args(arguments)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // A group of its own, so that nothing of it outlives its time.
        .process_group(0)
        .kill_on_drop(true)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return Ended::NotStarted(error),
    };
    let mut said = Vec::new();
    let stderr = child.stderr.take();
    let ended = {
        let listen = listen(stderr, &mut said);
        tokio::pin!(listen);
        let mut is_heard = false;
        let ended = timeout(limit, async {
            tokio::select! {
                status = child.wait() => status,
                () = &mut listen => {
                    is_heard = true;
                    child.wait().await
                }
            }
        })
        .await;
        if ended.is_ok() && !is_heard {
            // Whatever comes later is not waited for.
            let _late = timeout(LAST_WORDS, listen).await;
        }
        ended
    };
    match ended {
        Ok(Ok(status)) if status.success() => Ended::Done,
        Ok(Ok(status)) => Ended::Failed(status, one_line(&said)),
        Ok(Err(error)) => Ended::NotStarted(error),
        Err(_elapsed) => {
            end(&mut child).await;
            Ended::TimedOut(limit)
        }
    }
}

/// Keeps the beginning of what is said, and takes the rest so that the program is not held up by it.
async fn listen(stderr: Option<impl AsyncRead + Unpin>, said: &mut Vec<u8>) {
    let Some(mut stderr) = stderr else { return std::future::pending().await };
    // A pipe that cannot be read says nothing.
    let _kept = (&mut stderr).take(SAID).read_to_end(said).await;
    let _passed_over = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
}

/// Kills a call with its process group.
async fn end(child: &mut Child) {
    if let Some(group) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
        // It may have ended just now.
        let _ended = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    let _reaped = child.wait().await;
}

/// The last line of an error message, which is where Go programs say what is wrong, with nothing that a terminal obeys.
fn one_line(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    last.trim().escape_debug().collect()
}
