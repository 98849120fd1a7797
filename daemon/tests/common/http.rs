//! An HTTP server for tests: real sockets on the loopback, answers that a good server never gives included.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What is answered at a path.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Bytes as they are, and the end of the connection.
    Raw(Vec<u8>),
    /// Bytes as they are, then a byte now and then until the client has had enough.
    Drip(Vec<u8>),
    /// 304 to a client that has this `ETag` already, else the body with it.
    Tagged(&'static str, Vec<u8>),
}

impl Answer {
    /// A status, headers, and a body of the right length.
    pub(crate) fn of(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        Answer::Raw(response(status, headers, body.len() as u64, body))
    }

    pub(crate) fn ok(body: impl AsRef<[u8]>) -> Answer {
        Answer::of("200 OK", &[], body.as_ref())
    }

    /// A body that is said to have another length.
    pub(crate) fn claiming(length: u64, body: &[u8]) -> Answer {
        Answer::Raw(response("200 OK", &[], length, body))
    }
}

fn response(status: &str, headers: &[(&str, &str)], length: u64, body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}

#[derive(Default)]
struct Shared {
    answers: BTreeMap<String, Answer>,
    /// The heads of all requests.
    requests: Vec<String>,
    stopped: bool,
}

/// A server, stopped when dropped.
pub(crate) struct Http {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    thread: Option<JoinHandle<()>>,
}

impl Http {
    pub(crate) fn start() -> Http {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::<Mutex<Shared>>::default();
        let of_thread = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if of_thread.lock().unwrap().stopped {
                    break;
                }
                let shared = Arc::clone(&of_thread);
                // A client that was killed takes its connection with it.
                thread::spawn(move || drop(serve(stream.unwrap(), &shared)));
            }
        });
        Http { address, shared, thread: Some(thread) }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn answer(&self, path: &str, answer: Answer) {
        self.shared.lock().unwrap().answers.insert(path.to_owned(), answer);
    }

    /// The heads of the requests since the last call.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.lock().unwrap().requests)
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        self.shared.lock().unwrap().stopped = true;
        drop(TcpStream::connect(self.address));
        drop(self.thread.take().unwrap().join());
    }
}

fn serve(mut stream: TcpStream, shared: &Mutex<Shared>) -> std::io::Result<()> {
    let mut head = String::new();
    let mut reader = BufReader::new(stream.try_clone()?);
    while reader.read_line(&mut head)? > 2 {}
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let answer = {
        let mut shared = shared.lock().unwrap();
        shared.requests.push(head.clone());
        shared.answers.get(&path).cloned()
    };
    match answer {
        None => stream.write_all(&response("404 Not Found", &[], 0, b"")),
        Some(Answer::Raw(bytes)) => stream.write_all(&bytes),
        Some(Answer::Tagged(tag, body)) => {
            let has_it = head.lines().any(|line| line.eq_ignore_ascii_case(&format!("if-none-match: {tag}")));
            let (status, body) = if has_it { ("304 Not Modified", Vec::new()) } else { ("200 OK", body) };
            stream.write_all(&response(status, &[("ETag", tag)], body.len() as u64, &body))
        }
        Some(Answer::Drip(bytes)) => {
            stream.write_all(&bytes)?;
            stream.set_read_timeout(Some(Duration::from_millis(50)))?;
            loop {
                match stream.read(&mut [0; 16]) {
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                        stream.write_all(b"1")?;
                    }
                    Ok(_) | Err(_) => return Ok(()),
                }
            }
        }
    }
}
