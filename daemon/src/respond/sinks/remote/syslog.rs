//! Syslog: RFC 5424 over the local socket or UDP, one short line for each finding.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use nix::unistd::gethostname;
use sluicebox::event::Text;
use sluicebox::finding::text::UtcNanos;
use sluicebox::finding::{Finding, Severity};

use super::{SendError, Transport};

/// Where syslog listens on most systems.
pub const LOCAL: &str = "/dev/log";

/// Bytes of a line: what receivers must take at least is 480, what they should 2,048 (RFC 5424, 6.1).
const MAX_LINE: usize = 2048;

/// Security and authorisation messages (RFC 5424, 6.2.1).
const FACILITY: u8 = 10;

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receiver {
    /// A datagram socket of this host.
    Local(PathBuf),
    /// `HOST:PORT`.
    Udp(String),
}

/// Sends findings to syslog. Datagrams are not answered: one that a network loses is lost.
#[derive(Debug)]
pub struct Syslog {
    receiver: Receiver,
    hostname: String,
}

impl Syslog {
    /// To a receiver that need not be there yet.
    #[must_use]
    pub fn new(receiver: Receiver) -> Syslog {
        let hostname = gethostname().ok().and_then(|name| name.into_string().ok());
        // A dash stands for what is not known.
        let hostname = hostname.filter(|name| !name.is_empty()).unwrap_or_else(|| "-".to_owned());
        Syslog { receiver, hostname }
    }

    fn transmit(&self, record: &[u8]) -> io::Result<usize> {
        match &self.receiver {
            Receiver::Local(path) => UnixDatagram::unbound()?.send_to(record, path),
            Receiver::Udp(name) => {
                let address = name.to_socket_addrs()?.next();
                let address = address.ok_or(io::ErrorKind::AddrNotAvailable)?;
                let any = match address {
                    SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
                    SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
                };
                UdpSocket::bind(any)?.send_to(record, address)
            }
        }
    }
}

/// The severities of RFC 5424: 2 critical, 3 error, 5 notice.
fn priority(severity: Severity) -> u8 {
    let level = match severity {
        Severity::Notice => 5,
        Severity::Alert => 3,
        Severity::Kill => 2,
    };
    FACILITY.saturating_mul(8).saturating_add(level)
}

impl Transport for Syslog {
    fn encode(&self, finding: &Finding) -> Vec<u8> {
        let said = finding.matches.iter().rev().find(|matched| matched.rule == finding.rule);
        let said = said.map_or(finding.rule.name.as_str(), |matched| matched.output.as_str());
        let mut line = format!(
            "<{}>1 {} {} sluicebox - {} - {} {} container={} id={}: {}",
            priority(finding.severity),
            micros(finding.time_ns),
            self.hostname,
            // MSGID is 32 bytes of ASCII at most.
            finding.rule.id.chars().filter(char::is_ascii_graphic).take(32).collect::<String>(),
            finding.severity.name(),
            finding.rule.id,
            Text(&finding.container.id),
            finding.id,
            Text(said.as_bytes()),
        );
        let end = (0..=MAX_LINE.min(line.len())).rev().find(|end| line.is_char_boundary(*end)).unwrap_or(0);
        line.truncate(end);
        line.into_bytes()
    }

    fn send(&mut self, record: &[u8]) -> Result<(), SendError> {
        self.transmit(record).map(drop).map_err(|error| SendError::Down(error.to_string()))
    }
}

/// Times have six digits behind the point at most (RFC 5424, 6.2.3).
fn micros(nanos: i64) -> String {
    let whole = UtcNanos(nanos).to_string();
    let end = whole.len().saturating_sub(4);
    format!("{}Z", whole.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::respond::sinks::encode::tests::finding;

    #[test]
    fn a_line_is_as_rfc_5424_has_it_and_bounded() {
        let mut syslog = Syslog::new(Receiver::Local(LOCAL.into()));
        syslog.hostname = "node-7".to_owned();
        let line = String::from_utf8(syslog.encode(&finding("f-1"))).unwrap();
        assert_eq!(
            line,
            "<83>1 1970-01-01T00:00:00.000000Z node-7 sluicebox - r - alert r container=c id=f-1: R"
        );
        let mut long = finding("f-2");
        long.rule.name = "ä".repeat(4000);
        assert!(syslog.encode(&long).len() <= MAX_LINE);
    }
}
