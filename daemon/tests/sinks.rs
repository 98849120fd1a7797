//! Findings on their way out: receivers that are down, daemons that are killed, certificates that are not trusted.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot go on has failed"
)]

#[cfg(test)] // Always so here; it tells Clippy that helpers are tests as well.
mod common;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use common::corpus::{Recorded, recorded};
use common::{Listening, run, sluicebox, text, wait_for};
use nix::sys::signal::Signal;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use sluicebox::finding::proto::SecurityEvent;
use sluicebox::finding::proto::prost::Message;

/// A request: head and body.
type Request = (String, String);

/// Reads one request and answers that it was taken.
fn answer(stream: &mut (impl Read + Write)) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let head = bytes.windows(4).position(|end| end == b"\r\n\r\n");
        if let Some(end) = head {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
            let length: usize = length.trim().parse().ok()?;
            if bytes.len() >= end + 4 + length {
                let body = String::from_utf8_lossy(&bytes[end + 4..end + 4 + length]).into_owned();
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                    .ok()?;
                return Some((head, body));
            }
        }
        match stream.read(&mut piece).ok()? {
            0 => return None,
            count => bytes.extend(&piece[..count]),
        }
    }
}

/// A server that tells what is posted to it.
fn server(listener: TcpListener, tls: Option<Arc<rustls::ServerConfig>>) -> Receiver<Request> {
    let (tell, told) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            let request = match &tls {
                None => answer(&mut stream),
                Some(config) => {
                    let session = rustls::ServerConnection::new(Arc::clone(config)).unwrap();
                    answer(&mut rustls::StreamOwned::new(session, stream))
                }
            };
            if request.is_some_and(|request| tell.send(request).is_err()) {
                break;
            }
        }
    });
    told
}

fn id(line: &str) -> String {
    let finding: Value = serde_json::from_str(line).unwrap();
    finding["id"].as_str().unwrap().to_owned()
}

fn malicious() -> impl Iterator<Item = Recorded> {
    recorded().into_iter().filter(|trace| trace.is_malicious() && !trace.is_missed()).take(5)
}

#[test]
fn every_finding_arrives_though_the_receiver_was_down_and_the_daemon_was_killed() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // From here on nobody listens there.
    drop(listener);
    let config = format!(
        "socket = \"events.sock\"\n[sinks]\nstdout = \"off\"\n[sinks.spool]\ndirectory = \"spool\"\n\
         [[sinks.file]]\npath = \"findings.jsonl\"\n[[sinks.webhook]]\nname = \"soc\"\nurl = \"http://{address}/\"\n"
    );
    fs::write(at("sluicebox.toml"), config).unwrap();
    let start = || {
        let mut command = sluicebox();
        command.arg("run").arg("--config").arg(at("sluicebox.toml"));
        Listening::start(command, at("events.sock"))
    };
    let daemon = start();
    let mut wanted = BTreeSet::new();
    for trace in malicious() {
        let replayed = run(sluicebox().args(["replay", "--format", "json"]).arg(&trace.path));
        wanted.extend(text(&replayed.stdout).lines().map(id));
        assert!(run(sluicebox().arg("play").arg(&daemon.socket).arg(&trace.path)).status.success());
    }
    assert!(wanted.len() > 5, "{wanted:?}");
    let spooled = || fs::read(at("spool/soc/0000000001.spool")).unwrap_or_default();
    wait_for("findings on disk", || {
        let spooled = spooled();
        let has = |id: &String| spooled.windows(id.len()).any(|piece| piece == id.as_bytes());
        wanted.iter().all(has).then_some(())
    });
    daemon.signal(Signal::SIGKILL);
    drop(daemon);
    // The receiver is back, and so is the daemon.
    let posted = server(TcpListener::bind(address).unwrap(), None);
    let _daemon = start();
    let mut arrived = BTreeSet::new();
    wait_for("the findings", || {
        arrived.extend(posted.try_iter().map(|(_, body)| id(&body)));
        (arrived.len() >= wanted.len()).then_some(())
    });
    assert_eq!(arrived, wanted);
}

fn tls() -> Arc<rustls::ServerConfig> {
    let certificate = CertificateDer::from_pem_file("tests/tls/server.pem").unwrap();
    let key = PrivateKeyDer::from_pem_file("tests/tls/server.key").unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    Arc::new(config.with_single_cert(vec![certificate], key).unwrap())
}

fn sinks_test(directory: &Path, sinks: &str) -> (Option<i32>, String) {
    let config = directory.join("sluicebox.toml");
    fs::write(&config, sinks).unwrap();
    let output = run(sluicebox().args(["sinks", "test", "--config"]).arg(&config));
    (output.status.code(), text(&output.stdout))
}

#[test]
fn a_certificate_that_is_not_trusted_is_refused_and_one_that_is_gets_key_and_signature() {
    let directory = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let posted = server(listener, Some(tls()));
    fs::write(directory.path().join("token"), "Bearer a-token\n").unwrap();
    fs::write(directory.path().join("key"), "a-key\n").unwrap();
    let webhook = format!(
        "[[sinks.webhook]]\nname = \"soc\"\nurl = \"https://localhost:{port}/in\"\nformat = \"falco\"\n\
         headers = {{ authorization = \"token\" }}\nkey = \"key\"\n"
    );
    let (status, said) = sinks_test(directory.path(), &webhook);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("FAILED") && said.contains("certificate"), "{said}");
    let ca = fs::canonicalize("tests/tls/server.pem").unwrap();
    let (status, said) = sinks_test(directory.path(), &format!("{webhook}ca = \"{}\"\n", ca.display()));
    assert_eq!(status, Some(0), "{said}");
    let (head, body) = posted.recv().unwrap();
    assert!(head.starts_with("post /in ") && head.contains("authorization: bearer a-token"), "{head}");
    assert!(head.contains("x-sluicebox-signature: sha256="), "{head}");
    let alert: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&alert["rule"], &alert["priority"]), (&"Test of the sinks".into(), &"Notice".into()));
    // Nothing of the secrets is told.
    assert!(!said.contains("a-token") && !said.contains("a-key"), "{said}");
}

#[test]
fn a_sample_goes_through_every_sink_and_a_dead_one_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let collector = UnixListener::bind(at("collector")).unwrap();
    let syslog = UnixDatagram::bind(at("log")).unwrap();
    let sinks = "[[sinks.file]]\npath = \"out.jsonl\"\n[[sinks.stream]]\nname = \"collector\"\nunix = \"collector\"\n\
                 [[sinks.syslog]]\nname = \"log\"\nunix = \"log\"\n[[sinks.stream]]\nname = \"dead\"\nunix = \"dead\"\n";
    let (status, said) = sinks_test(directory.path(), sinks);
    assert_eq!(status, Some(2));
    let failed: Vec<&str> = said.lines().filter(|line| line.contains("FAILED")).collect();
    assert!(failed.len() == 1 && failed[0].starts_with("stream:dead: "), "{said}");
    let id = id(&fs::read_to_string(at("out.jsonl")).unwrap());
    let mut bytes = Vec::new();
    collector.accept().unwrap().0.read_to_end(&mut bytes).unwrap();
    let event = SecurityEvent::decode_length_delimited(bytes.as_slice()).unwrap();
    assert_eq!(event.id, id);
    let mut line = [0; 4096];
    let length = syslog.recv(&mut line).unwrap();
    let line = text(&line[..length]);
    assert!(line.starts_with("<85>1 ") && line.contains(&id), "{line}");
    let (status, said) = sinks_test(directory.path(), "");
    assert_eq!((status, said.as_str()), (Some(2), ""));
}
