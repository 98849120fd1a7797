//! The worker threads and the way to them: least loaded first, woken through a descriptor, stopped together.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SendError, Sender, channel};
use std::thread;

use nix::sys::eventfd::{EfdFlags, EventFd};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tracing::error;

use super::counters::Counters;
use super::worker::{Command, Connection, Worker};
use super::{Options, ServeError};

/// The running worker threads.
pub(super) struct Pool {
    workers: Vec<Handle>,
    threads: Vec<thread::JoinHandle<()>>,
    ends: UnboundedReceiver<String>,
}

/// The way to one worker.
#[derive(Clone)]
struct Handle {
    commands: Sender<Command>,
    waker: Arc<EventFd>,
    /// Connections pinned to it.
    load: Arc<AtomicUsize>,
}

/// Hands connections over to workers; cheap to clone, one for each handshake under way.
#[derive(Clone)]
pub(super) struct Adopters(Arc<[Handle]>);

impl Pool {
    /// Starts all workers.
    pub(super) fn start(options: &Options, counters: &Arc<Counters>) -> Result<Pool, ServeError> {
        let (report, ends) = unbounded_channel();
        let mut pool = Pool { workers: Vec::new(), threads: Vec::new(), ends };
        for number in 0..options.workers.get() {
            let waker = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
                .map_err(|errno| ServeError::Start(errno.into()))?;
            let (commands, inbox) = channel();
            let handle = Handle { commands, waker: Arc::new(waker), load: Arc::default() };
            let seat = Seat {
                waker: Arc::clone(&handle.waker),
                inbox,
                counters: Arc::clone(counters),
                options: options.clone(),
            };
            let report = report.clone();
            let thread = thread::Builder::new()
                .name(format!("receive-{number}"))
                .spawn(move || seat.work(&report))
                .map_err(ServeError::Start)?;
            pool.workers.push(handle);
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    /// The way to the workers for those who have a connection to hand over.
    pub(super) fn adopters(&self) -> Adopters {
        Adopters(self.workers.clone().into())
    }

    /// Waits until a worker ends by itself, which none should.
    pub(super) async fn ended(&mut self) -> ServeError {
        let why = self.ends.recv().await;
        ServeError::Worker(why.unwrap_or_default())
    }

    /// Lets every worker consume what its clients have sent, and end.
    pub(super) async fn stop(mut self) {
        for worker in &self.workers {
            worker.tell(Command::Stop);
        }
        self.workers.clear();
        // Each worker reports exactly once, as the last thing it does; the channel closes with the last of them.
        while self.ends.recv().await.is_some() {}
        for thread in self.threads {
            if thread.join().is_err() {
                error!("a worker thread panicked outside of its work");
            }
        }
    }
}

impl Handle {
    fn tell(&self, command: Command) {
        match self.commands.send(command) {
            Ok(()) => {
                if let Err(errno) = self.waker.write(1) {
                    error!(error = %errno, "a worker thread could not be woken");
                }
            }
            // A worker that is gone has reported that.
            Err(SendError(command)) => command.refuse(),
        }
    }
}

impl Adopters {
    /// Hands `connection` to the worker with the fewest.
    pub(super) fn adopt(&self, mut connection: Connection) {
        let least = self.0.iter().min_by_key(|worker| worker.load.load(Ordering::Relaxed));
        if let Some(worker) = least {
            connection.pin(&worker.load);
            worker.tell(Command::Adopt(connection));
        }
    }
}

/// What a worker thread is started with. The worker itself is made on its thread: its buffers never leave it.
struct Seat {
    waker: Arc<EventFd>,
    inbox: std::sync::mpsc::Receiver<Command>,
    counters: Arc<Counters>,
    options: Options,
}

impl Seat {
    fn work(self, report: &UnboundedSender<String>) {
        let result = catch_unwind(AssertUnwindSafe(|| {
            Worker::new(self.waker, self.inbox, self.counters, self.options.linger, self.options.tick)?.run()
        }));
        let end = match result {
            Ok(Ok(())) => String::from("stopped"),
            Ok(Err(errno)) => io::Error::from(errno).to_string(),
            Err(_panic) => String::from("it panicked"),
        };
        // Nobody listens any more only when the server itself is gone.
        drop(report.send(end));
    }
}
