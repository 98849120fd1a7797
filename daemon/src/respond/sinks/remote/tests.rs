//! Spooling and back-off with a transport that fails on command, and the real ones against real sockets.

use std::io::Read as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use sluicebox::finding::proto::SecurityEvent;
use sluicebox::finding::proto::prost::Message as _;

use super::*;
use crate::respond::sinks::encode::tests::finding;

/// What became of a receiver that is made up.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<(bool, Vec<String>)>>);

impl Receiver {
    fn down(&self, is_down: bool) {
        self.0.lock().unwrap().0 = is_down;
    }

    fn got(&self) -> Vec<String> {
        self.0.lock().unwrap().1.clone()
    }
}

impl Transport for Receiver {
    fn encode(&self, finding: &Finding) -> Vec<u8> {
        finding.id.clone().into_bytes()
    }

    fn send(&mut self, record: &[u8]) -> Result<(), SendError> {
        let mut state = self.0.lock().unwrap();
        if state.0 {
            return Err(SendError::Down("down".to_owned()));
        }
        let record = String::from_utf8(record.to_vec()).unwrap();
        if record == "bad" {
            return Err(SendError::Refused("not wanted".to_owned()));
        }
        state.1.push(record);
        Ok(())
    }
}

fn remote<T: Transport>(transport: T, directory: &Path) -> Remote<T> {
    Remote::new(transport, Spool::open(directory, 1 << 20).unwrap())
}

#[test]
fn what_a_dead_receiver_did_not_get_arrives_in_order_when_it_lives_again() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::default();
    let mut sink = remote(receiver.clone(), directory.path());
    sink.deliver(&finding("1")).unwrap();
    receiver.down(true);
    for id in ["2", "3", "4"] {
        sink.deliver(&finding(id)).unwrap();
    }
    assert_eq!(receiver.got(), ["1"]);
    assert!(sink.next_wake().unwrap() <= FIRST_PAUSE);
    // The daemon dies meanwhile, and nothing is said at its end.
    drop(sink);
    receiver.down(false);
    let mut sink = remote(receiver.clone(), directory.path());
    assert_eq!(sink.next_wake(), Some(Duration::ZERO));
    sink.wake().unwrap();
    let mut got = receiver.got();
    got.dedup();
    assert_eq!(got, ["1", "2", "3", "4"]);
    assert_eq!(sink.next_wake(), None);
}

#[test]
fn pauses_double_up_to_the_longest_and_a_success_ends_them() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::default();
    receiver.down(true);
    let mut sink = remote(receiver.clone(), directory.path());
    sink.deliver(&finding("1")).unwrap();
    let mut now = Instant::now();
    let mut pauses = Vec::new();
    for _ in 0..12 {
        let not_before = sink.not_before.unwrap();
        now = now.max(not_before);
        assert!(sink.flush(now).is_err());
        pauses.push(sink.not_before.unwrap().saturating_duration_since(now));
    }
    assert!(pauses.is_sorted(), "{pauses:?}");
    assert_eq!((pauses[0], pauses[11]), (FIRST_PAUSE * 2, LONGEST_PAUSE));
    // Before its time nothing is tried.
    assert!(sink.flush(now).is_ok());
    receiver.down(false);
    sink.flush(now + LONGEST_PAUSE).unwrap();
    assert_eq!((receiver.got().len(), sink.next_wake()), (1, None));
}

#[test]
fn what_is_refused_does_not_hold_up_what_follows() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::default();
    let mut sink = remote(receiver.clone(), directory.path());
    assert!(matches!(sink.deliver(&finding("bad")), Err(SinkError::Refused(_))));
    sink.deliver(&finding("good")).unwrap();
    assert_eq!((receiver.got(), sink.next_wake()), (vec!["good".to_owned()], None));
}

#[test]
fn a_stream_is_read_event_by_event_and_repeats_what_a_dying_receiver_may_have_lost() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    let stream = Stream::new(Endpoint::Unix(socket));
    let mut sink = remote(stream, &directory.path().join("spool"));
    sink.deliver(&finding("1")).unwrap();
    sink.deliver(&finding("2")).unwrap();
    let (first, _) = listener.accept().unwrap();
    assert!(!sink.spool.is_empty(), "nobody knows yet whether it arrived");
    // It goes without having read.
    drop(first);
    assert!(matches!(sink.wake(), Err(SinkError::Down(_))));
    sink.not_before = None;
    sink.wake().unwrap();
    let (mut second, _) = listener.accept().unwrap();
    let now = Instant::now();
    sink.flush(now + SETTLED).unwrap();
    assert!(sink.spool.is_empty());
    drop(sink);
    let mut bytes = Vec::new();
    second.read_to_end(&mut bytes).unwrap();
    let mut rest = bytes.as_slice();
    let mut ids = Vec::new();
    while !rest.is_empty() {
        ids.push(SecurityEvent::decode_length_delimited(&mut rest).unwrap().id);
    }
    assert_eq!(ids, ["1", "2"]);
}

/// Longer than a stream needs to settle.
const SETTLED: Duration = Duration::from_secs(60);
