//! A worker: one thread, its own epoll, the connections that are pinned to it, one receive buffer for all of them.
//!
//! Waking up is what costs, not copying: after a wake-up that follows a small batch the worker lingers, so that one
//! wake-up finds many packets. Each ready connection then gets one batch, in turn. Who flooded in the last round comes
//! last in the next, and whose batch took longer than [`QUANTUM`] is passed over while others wait, until that is made
//! up for: a client's share is of time, whatever its events cost. A worker never logs per packet.

use std::any::Any;
use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::EventFd;
use nix::sys::socket::{Shutdown, shutdown};
use sluicebox::event::Time;
use tracing::{error, info};

use super::batch::Batch;
use super::consumer::LastWords;
use super::counters::Counters;
use super::places::Place;
use super::{ConnectionId, Consumer, End, Flow};

/// The token of the worker's own wake-up descriptor; connections count from 1 and never get there.
const WAKER: u64 = u64::MAX;

/// Ready descriptors taken with one `epoll_wait`. What does not fit is reported by the next one, in turn.
const READY: usize = 256;

/// The time that a batch may take before its connection owes the others something. A full batch of usual events takes
/// 25 µs.
const QUANTUM: Duration = Duration::from_micros(500);

/// The most that a connection can owe, so that one slow batch does not shut it out for long.
const MAX_DEBT: Duration = Duration::from_millis(20);

/// What a worker is told.
pub(super) enum Command {
    Adopt(Connection),
    Stop,
}

impl Command {
    /// Does what is due when nobody obeys any more.
    pub(super) fn refuse(self) {
        match self {
            Command::Adopt(mut connection) => connection.close(End::Stopped),
            Command::Stop => {}
        }
    }
}

/// A connection after its handshake.
pub(super) struct Connection {
    id: ConnectionId,
    socket: OwnedFd,
    consumer: Box<dyn Consumer>,
    /// What is left to do when the consumer panics.
    last_words: Option<LastWords>,
    /// Frees the connection's place when it is dropped.
    place: Place,
    /// The time that it took beyond its share.
    debt: Duration,
    /// Its last batch was full: there is more where that came from.
    floods: bool,
    /// The last round in which it had its turn.
    served_in: u64,
}

impl Connection {
    pub(super) fn new(
        id: ConnectionId,
        socket: OwnedFd,
        consumer: Box<dyn Consumer>,
        place: Place,
    ) -> Connection {
        let last_words = consumer.last_words();
        Connection {
            id,
            socket,
            consumer,
            last_words,
            place,
            debt: Duration::ZERO,
            floods: false,
            served_in: 0,
        }
    }

    /// Counts it towards the load of a worker.
    pub(super) fn pin(&mut self, load: &Arc<AtomicUsize>) {
        self.place.pin(load);
    }

    /// Ends it, with a word to its consumer.
    pub(super) fn close(&mut self, end: End) {
        info!(connection = %self.id, %end, "connection over");
        let _ = guarded(self, |consumer| consumer.closed(end));
    }

    /// Whether it has to stand back for those that are ready as well. What it owes is made up for by that.
    fn stands_back(&mut self) -> bool {
        let owes = self.debt >= QUANTUM;
        if owes {
            self.debt = self.debt.saturating_sub(QUANTUM);
        }
        owes
    }

    fn took(&mut self, time: Duration) {
        self.debt = self.debt.saturating_add(time.saturating_sub(QUANTUM)).min(MAX_DEBT);
    }
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
    /// Rounds that were begun, counted from 1.
    rounds: u64,
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
            rounds: 1,
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
            let ready = events.get(..ready).unwrap_or_default();
            let told = ready.iter().any(|event| event.data() == WAKER);
            full = self.round(ready);
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

    /// Serves everybody who is ready once: first those who are usually done with one batch. Whether there may be more.
    fn round(&mut self, ready: &[EpollEvent]) -> bool {
        let is_alone = ready.len() <= 1;
        let mut full = false;
        for floods in [false, true] {
            for token in ready.iter().map(EpollEvent::data) {
                let Some(connection) = self.connections.get_mut(&token) else { continue };
                if connection.floods != floods || connection.served_in == self.rounds {
                    continue;
                }
                connection.served_in = self.rounds;
                if !is_alone && connection.stands_back() {
                    full = true;
                } else {
                    full |= self.serve(token);
                }
            }
        }
        self.rounds = self.rounds.wrapping_add(1);
        full
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
            Err(errno) => connection.close(End::Failed(errno)),
        }
    }

    /// One batch of one connection; whether there may be more.
    fn serve(&mut self, token: u64) -> bool {
        let Some(connection) = self.connections.get_mut(&token) else { return false };
        let begin = Instant::now();
        let after = one_batch(&mut self.batch, &self.counters, connection, End::Peer);
        connection.took(begin.elapsed());
        match after {
            After::Open { full } => {
                connection.floods = full;
                full
            }
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

    /// Consumes what every client has sent so far, and ends. Who was handed over after the word to stop has not begun.
    fn stop(&mut self) {
        while let Ok(command) = self.commands.try_recv() {
            command.refuse();
        }
        for (_, mut connection) in std::mem::take(&mut self.connections) {
            // From here on the client cannot send, but what it has sent can be received: a bounded rest even if it
            // keeps trying.
            if let Err(errno) = shutdown(connection.socket.as_raw_fd(), Shutdown::Read) {
                connection.close(End::Failed(errno));
                continue;
            }
            loop {
                match one_batch(&mut self.batch, &self.counters, &mut connection, End::Stopped) {
                    After::Open { .. } if self.batch.packets().count() > 0 => {}
                    After::Open { .. } => {
                        connection.close(End::Stopped);
                        break;
                    }
                    After::Over(end) => {
                        connection.close(end);
                        break;
                    }
                    After::Panicked => {
                        self.counters.panicked.fetch_add(1, Ordering::Relaxed);
                        break;
                    }
                }
            }
        }
    }

    fn end(&mut self, token: u64, end: End) {
        if let Some(mut connection) = self.connections.remove(&token) {
            connection.close(end);
        }
    }

    /// Drops a connection whose consumer is in no state to be told.
    fn forget(&mut self, token: u64) {
        self.counters.panicked.fetch_add(1, Ordering::Relaxed);
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
    match catch_unwind(AssertUnwindSafe(|| call(consumer))) {
        Ok(result) => Some(result),
        Err(panic) => {
            let message = message_of(&*panic);
            error!(connection = %connection.id, message, "the consumer of a connection panicked: the connection is closed");
            if let Some(last_words) = connection.last_words.take()
                && catch_unwind(AssertUnwindSafe(|| last_words(message))).is_err()
            {
                error!(connection = %connection.id, "and nobody could be told of it");
            }
            None
        }
    }
}

/// What a panic says.
fn message_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(it does not say why)")
}

fn until(due: Option<Instant>) -> EpollTimeout {
    let Some(due) = due else { return EpollTimeout::NONE };
    // Rounded up to whole milliseconds, else the last fraction is spun away.
    let left = due.saturating_duration_since(Instant::now()).saturating_add(Duration::from_micros(999));
    EpollTimeout::try_from(left).unwrap_or(EpollTimeout::MAX)
}

/// The wall clock, which is what a sentry's time stamps are taken from as well.
pub(crate) fn now() -> Time {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
}
