//! A worker: one thread, its own epoll, the connections that are pinned to it, one receive buffer for all of them.
//!
//! Waking up is what costs, not copying: after a wake-up that follows a small batch the worker lingers, so that one
//! wake-up finds many packets. Each ready connection then gets one batch, in turn, so that a flooding client takes
//! from its neighbours no more than the time of one batch each. A worker never logs per packet.

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::EventFd;
use nix::sys::socket::{Shutdown, shutdown};
use sluicebox::event::Time;
use tracing::{error, info};

use super::batch::Batch;
use super::counters::{Counters, Live};
use super::{ConnectionId, Consumer, End, Flow};

/// The token of the worker's own wake-up descriptor; connections count from 1 and never get there.
const WAKER: u64 = u64::MAX;

/// Ready descriptors taken with one `epoll_wait`. What does not fit is reported by the next one, in turn.
const READY: usize = 256;

/// What a worker is told.
pub(super) enum Command {
    Adopt(Connection),
    Stop,
}

/// A connection after its handshake.
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) socket: OwnedFd,
    pub(super) consumer: Box<dyn Consumer>,
    /// Frees the connection's place when it is dropped.
    pub(super) live: Live,
}

pub(super) struct Worker {
    epoll: Epoll,
    waker: Arc<EventFd>,
    commands: Receiver<Command>,
    connections: BTreeMap<u64, Connection>,
    batch: Batch,
    counters: Arc<Counters>,
    linger: Duration,
    tick: Duration,
}

/// What is left of a connection after a batch.
enum After {
    Open { full: bool },
    Over(End),
    Panicked,
}

impl Worker {
    pub(super) fn new(
        waker: Arc<EventFd>,
        commands: Receiver<Command>,
        counters: Arc<Counters>,
        linger: Duration,
        tick: Duration,
    ) -> nix::Result<Worker> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&*waker, EpollEvent::new(EpollFlags::EPOLLIN, WAKER))?;
        Ok(Worker {
            epoll,
            waker,
            commands,
            connections: BTreeMap::new(),
            batch: Batch::new(),
            counters,
            linger,
            tick,
        })
    }

    /// Serves until told to stop, or until the kernel refuses to say what is ready.
    pub(super) fn run(mut self) -> nix::Result<()> {
        let mut events = [EpollEvent::empty(); READY];
        let mut next_tick = Instant::now().checked_add(self.tick);
        let mut full = false;
        loop {
            let mut ready = self.wait(&mut events, until(next_tick))?;
            if !full && ready > 0 && !self.linger.is_zero() {
                std::thread::sleep(self.linger);
                // Others may have become ready meanwhile: one wake-up for all of them.
                ready = self.wait(&mut events, EpollTimeout::ZERO)?;
            }
            full = false;
            let mut told = false;
            for event in events.iter().take(ready) {
                if event.data() == WAKER {
                    told = true;
                } else {
                    full |= self.serve(event.data());
                }
            }
            if told && self.obey() == Flow::Close {
                self.stop();
                return Ok(());
            }
            if next_tick.is_some_and(|due| due <= Instant::now()) {
                self.tick();
                next_tick = Instant::now().checked_add(self.tick);
            }
        }
    }

    fn wait(&self, events: &mut [EpollEvent], timeout: EpollTimeout) -> nix::Result<usize> {
        match self.epoll.wait(events, timeout) {
            Err(Errno::EINTR) => Ok(0),
            result => result,
        }
    }

    /// Takes in what the listener sent over; `Close` when it is time to stop.
    fn obey(&mut self) -> Flow {
        // Reading resets the descriptor; that it was reset already is no failure.
        if let Err(errno) = self.waker.read()
            && errno != Errno::EAGAIN
        {
            error!(error = %errno, "a worker cannot read its own wake-up descriptor");
        }
        loop {
            match self.commands.try_recv() {
                Ok(Command::Adopt(connection)) => self.adopt(connection),
                Ok(Command::Stop) | Err(TryRecvError::Disconnected) => return Flow::Close,
                Err(TryRecvError::Empty) => return Flow::Continue,
            }
        }
    }

    fn adopt(&mut self, mut connection: Connection) {
        let ConnectionId(token) = connection.id;
        let interest = EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP, token);
        match self.epoll.add(&connection.socket, interest) {
            Ok(()) => {
                self.connections.insert(token, connection);
            }
            Err(errno) => close(&mut connection, End::Failed(errno)),
        }
    }

    /// One batch of one connection; whether there may be more.
    fn serve(&mut self, token: u64) -> bool {
        let Some(connection) = self.connections.get_mut(&token) else { return false };
        let after = one_batch(&mut self.batch, &self.counters, connection, End::Peer);
        match after {
            After::Open { full } => full,
            After::Over(end) => {
                self.end(token, end);
                false
            }
            After::Panicked => {
                self.forget(token);
                false
            }
        }
    }

    fn tick(&mut self) {
        let now = now();
        let mut over = Vec::new();
        for (token, connection) in &mut self.connections {
            match guarded(connection, |consumer| consumer.tick(now)) {
                Some(Flow::Continue) => {}
                Some(Flow::Close) => over.push((*token, true)),
                None => over.push((*token, false)),
            }
        }
        for (token, asked) in over {
            if asked { self.end(token, End::Consumer) } else { self.forget(token) }
        }
    }

    /// Consumes what every client has sent so far, and ends.
    fn stop(&mut self) {
        for (_, mut connection) in std::mem::take(&mut self.connections) {
            // From here on the client cannot send, but what it has sent can be received: a bounded rest even if it
            // keeps trying.
            if let Err(errno) = shutdown(connection.socket.as_raw_fd(), Shutdown::Read) {
                close(&mut connection, End::Failed(errno));
                continue;
            }
            loop {
                match one_batch(&mut self.batch, &self.counters, &mut connection, End::Stopped) {
                    After::Open { .. } if self.batch.packets().count() > 0 => {}
                    After::Open { .. } => {
                        close(&mut connection, End::Stopped);
                        break;
                    }
                    After::Over(end) => {
                        close(&mut connection, end);
                        break;
                    }
                    After::Panicked => break,
                }
            }
        }
    }

    fn end(&mut self, token: u64, end: End) {
        if let Some(mut connection) = self.connections.remove(&token) {
            close(&mut connection, end);
        }
    }

    /// Drops a connection whose consumer is in no state to be told.
    fn forget(&mut self, token: u64) {
        drop(self.connections.remove(&token));
    }
}

/// Receives once and hands everything over. `at_end` says what an end of the stream means.
fn one_batch(batch: &mut Batch, counters: &Counters, connection: &mut Connection, at_end: End) -> After {
    match batch.receive(&connection.socket) {
        Ok(()) => {}
        Err(Errno::EAGAIN | Errno::EINTR) => return After::Open { full: false },
        Err(errno) => return After::Over(End::Failed(errno)),
    }
    let mut packets = 0_u64;
    let mut truncated = 0_u64;
    let mut ended = false;
    let flow = guarded(connection, |consumer| {
        for packet in batch.packets() {
            // Once a client has closed, every further slot of the batch is empty too.
            if packet.bytes.is_empty() {
                ended = true;
                break;
            }
            packets = packets.saturating_add(1);
            if packet.truncated {
                truncated = truncated.saturating_add(1);
                consumer.truncated(packet.bytes);
            } else {
                consumer.packet(packet.bytes);
            }
        }
        consumer.batch_end()
    });
    counters.packets.fetch_add(packets, Ordering::Relaxed);
    counters.truncated.fetch_add(truncated, Ordering::Relaxed);
    counters.batches.fetch_add(1, Ordering::Relaxed);
    match flow {
        None => After::Panicked,
        Some(Flow::Close) => After::Over(End::Consumer),
        Some(Flow::Continue) if ended => After::Over(at_end),
        Some(Flow::Continue) => After::Open { full: batch.is_full() },
    }
}

/// Calls the consumer; nothing if it panicked. The panic of one sandbox's analysis must not end that of the others.
fn guarded<R>(connection: &mut Connection, call: impl FnOnce(&mut dyn Consumer) -> R) -> Option<R> {
    let consumer = &mut *connection.consumer;
    // A consumer that panicked is never called again, so no broken state of its is ever seen.
    let result = catch_unwind(AssertUnwindSafe(|| call(consumer)));
    if result.is_err() {
        error!(connection = %connection.id, "the consumer of a connection panicked: the connection is closed");
    }
    result.ok()
}

fn close(connection: &mut Connection, end: End) {
    info!(connection = %connection.id, %end, "connection over");
    let _ = guarded(connection, |consumer| consumer.closed(end));
}

fn until(due: Option<Instant>) -> EpollTimeout {
    let Some(due) = due else { return EpollTimeout::NONE };
    // Rounded up to whole milliseconds, else the last fraction is spun away.
    let left = due.saturating_duration_since(Instant::now()).saturating_add(Duration::from_micros(999));
    EpollTimeout::try_from(left).unwrap_or(EpollTimeout::MAX)
}

/// The wall clock, which is what a sentry's time stamps are taken from as well.
fn now() -> Time {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
}
