//! The thread and the queue of one sink.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use sluicebox::finding::Finding;
use tracing::{info, warn};

use super::{Sink, SinkError, State};

enum Message {
    Finding(Arc<Finding>),
    Reopen,
}

/// A sink's end on the side of those who find.
#[derive(Debug)]
pub(super) struct Handle {
    name: Arc<str>,
    queue: SyncSender<Message>,
    state: Arc<State>,
    /// Locked by nobody: many threads share the handle, and only its owner asks this.
    ended: Mutex<Receiver<()>>,
}

/// A sink that is on its way out.
pub(super) struct Closing {
    name: Arc<str>,
    state: Arc<State>,
    ended: Receiver<()>,
}

impl Handle {
    pub(super) fn start(name: &str, length: usize, sink: Box<dyn Sink>) -> io::Result<Handle> {
        let (queue, messages) = sync_channel(length);
        let (end, ended) = channel();
        let name: Arc<str> = name.into();
        let state = Arc::<State>::default();
        let mut taker = Taker { name: Arc::clone(&name), state: Arc::clone(&state), sink, is_gone: false };
        std::thread::Builder::new().name("sink".to_owned()).spawn(move || {
            while let Some(message) = taker.next(&messages) {
                taker.take(message);
            }
            // Nobody may be waiting for it any more.
            let _told = end.send(());
        })?;
        Ok(Handle { name, queue, state, ended: Mutex::new(ended) })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn state(&self) -> &Arc<State> {
        &self.state
    }

    pub(super) fn offer(&self, finding: &Arc<Finding>) {
        self.state.waiting.fetch_add(1, Ordering::Relaxed);
        match self.queue.try_send(Message::Finding(Arc::clone(finding))) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.state.waiting.fetch_sub(1, Ordering::Relaxed);
                State::count(&self.state.lost);
                if !self.state.is_failing.swap(true, Ordering::Relaxed) {
                    warn!(sink = %self.name, "a sink takes nothing: findings are lost to it, and counted");
                }
            }
        }
    }

    pub(super) fn reopen(&self) {
        // One whose queue is full has worse to do; it is asked again at the next signal.
        drop(self.queue.try_send(Message::Reopen));
    }

    pub(super) fn close(self) -> Closing {
        let ended = self.ended.into_inner().unwrap_or_else(PoisonError::into_inner);
        Closing { name: self.name, state: self.state, ended }
    }
}

impl Closing {
    pub(super) fn wait(self, deadline: Option<Instant>) {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if self.ended.recv_timeout(left.unwrap_or_default()).is_err() {
            let waiting = self.state.waiting.load(Ordering::Relaxed);
            warn!(sink = %self.name, waiting, "a sink holds up the end: it is left behind with what waits for it");
        }
    }
}

/// The sink's own side.
struct Taker {
    name: Arc<str>,
    state: Arc<State>,
    sink: Box<dyn Sink>,
    /// Its reader does not come back: that was said, and nothing more is tried.
    is_gone: bool,
}

impl Taker {
    /// The next message; meanwhile the sink is woken when it wants to be. Nothing once nobody can send any more.
    fn next(&mut self, messages: &Receiver<Message>) -> Option<Message> {
        loop {
            let Some(patience) = self.sink.next_wake() else { return messages.recv().ok() };
            match messages.recv_timeout(patience) {
                Ok(message) => return Some(message),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {
                    let result = self.sink.wake();
                    self.tell(result);
                }
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Finding(finding) => {
                self.deliver(&finding);
                self.state.waiting.fetch_sub(1, Ordering::Relaxed);
            }
            Message::Reopen => match self.sink.reopen() {
                Ok(()) => {}
                Err(error) => {
                    warn!(sink = %self.name, %error, "a sink could not be opened anew, the old one stays");
                }
            },
        }
    }

    fn deliver(&mut self, finding: &Finding) {
        let result = if self.is_gone { Err(SinkError::Gone) } else { self.sink.deliver(finding) };
        State::count(if result.is_ok() { &self.state.delivered } else { &self.state.failed });
        self.tell(result);
    }

    /// Says when a sink fails, and when it does no longer.
    fn tell(&mut self, result: Result<(), SinkError>) {
        self.state.spooled.store(self.sink.backlog(), Ordering::Relaxed);
        match result {
            Ok(()) => {
                if self.state.is_failing.swap(false, Ordering::Relaxed) {
                    info!(sink = %self.name, "a sink takes findings again");
                }
            }
            Err(error) => {
                let was_failing = self.state.is_failing.swap(true, Ordering::Relaxed);
                match error {
                    SinkError::Gone if self.is_gone => {}
                    SinkError::Gone => {
                        self.is_gone = true;
                        warn!(
                            "nobody reads {} any more: findings are counted, but not printed",
                            said(&self.name)
                        );
                    }
                    SinkError::Refused(_) => {
                        warn!(sink = %self.name, %error, "a finding was refused, and is lost to the sink");
                    }
                    _ if was_failing => {}
                    SinkError::Down(_) => {
                        warn!(sink = %self.name, %error, "a sink takes nothing: findings wait on disk");
                    }
                    SinkError::Write(_)
                    | SinkError::Open { .. }
                    | SinkError::Spool(_)
                    | SinkError::Setting(_) => {
                        warn!(sink = %self.name, %error, "a sink cannot take findings: they are lost to it, and counted");
                    }
                }
            }
        }
    }
}

fn said(name: &str) -> &str {
    if name == "stdout" { "standard output" } else { name }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Sender;

    use super::super::{Sinks, encode};
    use super::*;

    /// A sink that tells what it takes, and waits for a word before each.
    struct Slow {
        go: Receiver<()>,
        took: Sender<String>,
    }

    impl Sink for Slow {
        fn deliver(&mut self, finding: &Finding) -> Result<(), SinkError> {
            self.go.recv().map_err(|_| SinkError::Gone)?;
            self.took.send(finding.id.clone()).map_err(|_| SinkError::Gone)
        }
    }

    struct Broken;

    impl Sink for Broken {
        fn deliver(&mut self, _finding: &Finding) -> Result<(), SinkError> {
            Err(io::Error::from(io::ErrorKind::StorageFull).into())
        }
    }

    fn counts(sinks: &Sinks, name: &str) -> (u64, u64, u64, u64) {
        let (_, state) = sinks.states().find(|(of, _)| *of == name).unwrap();
        let read = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        (read(&state.delivered), read(&state.failed), read(&state.lost), read(&state.waiting))
    }

    #[test]
    fn a_dead_sink_loses_what_does_not_fit_and_holds_up_neither_the_finder_nor_its_neighbour() {
        let (go, wait) = channel();
        let (took, slow) = channel();
        let mut sinks = Sinks::new();
        sinks.add("slow", 2, Slow { go: wait, took }).unwrap();
        let (always, ready) = channel();
        let (took, quick) = channel();
        (0..100).for_each(|_| always.send(()).unwrap());
        sinks.add("quick", 100, Slow { go: ready, took }).unwrap();
        for number in 0..100 {
            sinks.publish(encode::tests::finding(&number.to_string()));
        }
        let arrived: Vec<String> = quick.iter().take(100).collect();
        assert_eq!(arrived, (0..100).map(|number| number.to_string()).collect::<Vec<_>>());
        let (delivered, failed, lost, waiting) = counts(&sinks, "slow");
        assert_eq!((delivered, failed, lost + waiting), (0, 0, 100));
        assert!((2..=3).contains(&waiting), "two in the queue, one in hand: {waiting}");
        // What fitted arrives in its order when the sink lives again.
        drop(always);
        (0..waiting).for_each(|_| go.send(()).unwrap());
        assert_eq!(slow.recv().unwrap(), "0");
        drop(go);
        sinks.close();
    }

    #[test]
    fn what_a_sink_cannot_take_is_counted() {
        let mut sinks = Sinks::new();
        sinks.add("broken", 10, Broken).unwrap();
        (0..3).for_each(|number| sinks.publish(encode::tests::finding(&number.to_string())));
        while counts(&sinks, "broken").3 > 0 {
            std::thread::yield_now();
        }
        assert_eq!(counts(&sinks, "broken"), (0, 3, 0, 0));
    }
}
