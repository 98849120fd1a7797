//! What the tests of the real binary share: traces to play, the daemon as a child, a client of its socket.
//!
//! Nothing here waits by sleeping for a while and hoping: every wait is for a condition, with a deadline.
#![allow(dead_code, reason = "every test file uses its own part of it")]

pub(crate) mod corpus;
pub(crate) mod feeds;
pub(crate) mod host;
pub(crate) mod http;
pub(crate) mod parts;
pub(crate) mod serving;

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sluicebox::wire::tracefile::{Reader, Writer};
use sluicebox::wire::{Header, MessageType, handshake};
use uds::UnixSeqpacketConn;

/// When a test gives up. Far beyond what a loaded machine takes.
const DEADLINE: Duration = Duration::from_secs(30);

/// The binary under test.
pub(crate) fn sluicebox() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicebox"));
    command.stdin(Stdio::null()).env_remove("SLUICEBOX_LOG");
    command
}

pub(crate) fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Waits until `ready` gives something.
pub(crate) fn wait_for<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(begin.elapsed() < DEADLINE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// A packet: a header and a payload that need not make sense.
pub(crate) fn packet(message_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = Header::encode(MessageType(message_type), 0).to_vec();
    packet.extend_from_slice(payload);
    packet
}

/// Packets of all the sizes that matter, each different from the others.
pub(crate) fn packets() -> Vec<Vec<u8>> {
    let sizes = (0..2000_u32).map(|number| number % 700).chain([4096, 65_536, 150_000, 212_000]);
    let mut packets: Vec<_> = (0_u16..)
        .zip(sizes)
        .map(|(number, size)| {
            let payload: Vec<u8> =
                (u32::from(number)..).take(size as usize).map(|byte| byte.to_le_bytes()[0]).collect();
            packet(number, &payload)
        })
        .collect();
    packets.push(b"short".to_vec());
    packets
}

pub(crate) fn trace_of(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).unwrap();
    for packet in packets {
        writer.write_packet(packet).unwrap();
    }
    writer.finish().unwrap()
}

pub(crate) fn packets_of(path: &Path) -> Vec<Vec<u8>> {
    let mut reader = Reader::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut packets = Vec::new();
    while let Some(packet) = reader.next_packet().unwrap() {
        packets.push(packet.to_vec());
    }
    packets
}

/// A listening `sluicebox run` or `sluicebox record`, killed when dropped.
pub(crate) struct Listening {
    child: Child,
    stdout: BufReader<Box<dyn Read + Send>>,
    pub(crate) socket: PathBuf,
}

impl Listening {
    /// Starts a recorder and waits until it listens.
    pub(crate) fn record(directory: &Path) -> Listening {
        let socket = directory.join("events.sock");
        let mut command = sluicebox();
        command.arg("record").arg("--socket").arg(&socket).arg("--out").arg(directory.join("out"));
        Listening::start(command, socket)
    }

    pub(crate) fn start(command: Command, socket: PathBuf) -> Listening {
        Listening::start_logging(command, socket, Stdio::null())
    }

    /// The same, with its standard error to `log`.
    pub(crate) fn start_logging(mut command: Command, socket: PathBuf, log: Stdio) -> Listening {
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let stdout: Box<dyn Read + Send> = Box::new(child.stdout.take().unwrap());
        let stdout = BufReader::new(stdout);
        wait_for("the socket", || {
            assert!(child.try_wait().unwrap().is_none(), "the daemon ended instead of listening");
            UnixSeqpacketConn::connect(&socket).ok()
        });
        Listening { child, stdout, socket }
    }

    /// The next line of its standard output.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Reads its standard output to the end, on the side: a pipe that nobody empties holds up the daemon.
    pub(crate) fn read_on(&mut self) -> JoinHandle<String> {
        let mut stdout = std::mem::replace(&mut self.stdout, BufReader::new(Box::new(std::io::empty())));
        thread::spawn(move || {
            let mut printed = String::new();
            stdout.read_to_string(&mut printed).unwrap();
            printed
        })
    }

    /// Stops reading its standard output, for good.
    pub(crate) fn close_stdout(&mut self) {
        self.stdout = BufReader::new(Box::new(std::io::empty()));
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Waits until it ends by itself: its status and the rest of its output.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let status = wait_for("the end of the daemon", || self.child.try_wait().unwrap());
        (status.code(), rest)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A client that has shaken hands.
pub(crate) fn client(socket: &Path) -> UnixSeqpacketConn {
    let client = UnixSeqpacketConn::connect(socket).unwrap();
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    client.send(&handshake::encode()).unwrap();
    let mut answer = [0; 16];
    let length = client.recv(&mut answer).unwrap();
    assert!(handshake::decode(&answer[..length]).is_ok());
    client
}

/// Whether the other side has closed the connection without a word.
pub(crate) fn is_closed(client: &UnixSeqpacketConn) -> bool {
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    match client.recv(&mut [0; 16]) {
        Ok(length) => length == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}
