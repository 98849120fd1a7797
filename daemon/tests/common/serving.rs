//! A server inside of the test, whose consumers report everything that they are told.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use sluicebox::event::Time;
use sluicebox_daemon::serve::{Consumer, End, Flow, Options, Peer, Refusal, Server, Totals};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// What the consumers of these tests report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Peer { pid: u32 },
    Packet(Vec<u8>),
    Tick,
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
}

/// A server on a thread of its own.
pub(crate) struct Serving {
    pub(crate) socket: PathBuf,
    told: Receiver<Told>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Totals>,
    _directory: TempDir,
}

impl Serving {
    pub(crate) fn start(change: impl FnOnce(&mut Options)) -> Serving {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("events.sock");
        let mut options = Options::at(&socket);
        options.workers = NonZeroUsize::MIN;
        options.tick = Duration::from_secs(3600);
        change(&mut options);
        let (tell, told) = channel();
        let (stop, stopped) = oneshot::channel();
        let (bound, is_bound) = channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let server = Server::bind(options).unwrap();
                bound.send(()).unwrap();
                let factory = move |peer: Peer| -> Result<Box<dyn Consumer>, Refusal> {
                    tell.send(Told::Peer { pid: peer.identity.peer.pid.map_or(0, |pid| pid.0) })?;
                    Ok(Box::new(Teller { tell: tell.clone(), flow: Flow::Continue }))
                };
                server.run(factory, async { drop(stopped.await) }).await.unwrap()
            })
        });
        is_bound.recv().unwrap();
        Serving { socket, told, stop, thread, _directory: directory }
    }

    pub(crate) fn next(&self) -> Told {
        self.told.recv_timeout(Duration::from_secs(30)).unwrap()
    }

    pub(crate) fn stop(self) -> (Totals, Vec<Told>) {
        self.stop.send(()).unwrap();
        let totals = self.thread.join().unwrap();
        (totals, self.told.try_iter().collect())
    }
}
