//! Sinks on the network, and where what they did not take waits.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Bytes, Sinks};
use crate::respond::sinks::remote::{Endpoint, Receiver};
use crate::respond::sinks::{Encoding, SinkError};
use crate::respond::spool::Spool;

/// What waits on disk.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpoolSettings {
    /// The directory with one for each sink in it.
    pub directory: PathBuf,
    /// Bytes that each may take.
    pub limit: Bytes,
}

impl Default for SpoolSettings {
    fn default() -> SpoolSettings {
        SpoolSettings { directory: "/var/lib/sluicebox/spool".into(), limit: Bytes(64 << 20) }
    }
}

/// A server that findings are posted to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSink {
    /// Its name here: of its spool and in the metrics.
    pub name: String,
    /// Where to.
    pub url: String,
    /// How findings look.
    #[serde(default = "super::json")]
    pub format: Encoding,
    /// Further headers: the name, and the file that holds the value.
    #[serde(default)]
    pub headers: BTreeMap<String, PathBuf>,
    /// A file with a key: each body is signed with it (HMAC-SHA256).
    pub key: Option<PathBuf>,
    /// A file with the certificates to trust instead of the usual ones.
    pub ca: Option<PathBuf>,
}

/// A receiver of protobuf.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamSink {
    /// Its name here.
    pub name: String,
    /// A socket file.
    pub unix: Option<PathBuf>,
    /// `HOST:PORT`.
    pub tcp: Option<String>,
}

impl StreamSink {
    /// Where it listens.
    ///
    /// # Errors
    /// Unless it is said once.
    pub fn endpoint(&self) -> Result<Endpoint, SinkError> {
        match (&self.unix, &self.tcp) {
            (Some(path), None) => Ok(Endpoint::Unix(path.clone())),
            (None, Some(name)) => Ok(Endpoint::Tcp(name.clone())),
            (None, None) | (Some(_), Some(_)) => Err(SinkError::Setting(STREAM)),
        }
    }
}

/// What a stream must say.
const STREAM: &str = "a stream needs one of `unix` and `tcp`";

/// A receiver of syslog: the local one unless another is named.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogSink {
    /// Its name here.
    pub name: String,
    /// A datagram socket other than the usual one.
    pub unix: Option<PathBuf>,
    /// `HOST:PORT`; wins over the other.
    pub udp: Option<String>,
}

impl SyslogSink {
    /// Where it listens.
    #[must_use]
    pub fn receiver(&self) -> Receiver {
        match (&self.udp, &self.unix) {
            (Some(name), _) => Receiver::Udp(name.clone()),
            (None, Some(path)) => Receiver::Local(path.clone()),
            (None, None) => Receiver::Local(crate::respond::sinks::remote::LOCAL.into()),
        }
    }
}

impl Sinks {
    /// The spool of a sink.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn spool(&self, name: &str) -> Result<Spool, SinkError> {
        let limit = u64::try_from(self.spool.limit.0).unwrap_or(u64::MAX);
        Ok(Spool::open(&self.spool.directory.join(name), limit)?)
    }

    /// What cannot be meant, with the mend.
    pub(super) fn check_remote(&self) -> Vec<(&'static str, &'static str)> {
        let mut wrong = Vec::new();
        let names: Vec<&str> = self.names().collect();
        if names.iter().any(|name| !is_name(name)) {
            wrong.push(("the name of a sink is that of a directory", "use letters, digits, `-` and `_`"));
        }
        if names.iter().collect::<BTreeSet<_>>().len() < names.len() {
            wrong.push(("two sinks have one name", "call one of them otherwise"));
        }
        if self.stream.iter().any(|stream| stream.endpoint().is_err()) {
            wrong.push((STREAM, "say where it listens, once"));
        }
        wrong
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let webhooks = self.webhook.iter().map(|sink| sink.name.as_str());
        let streams = self.stream.iter().map(|sink| sink.name.as_str());
        webhooks.chain(streams).chain(self.syslog.iter().map(|sink| sink.name.as_str()))
    }

    /// Paths that are relative to the file.
    pub(super) fn relative_to(&mut self, directory: &Path) {
        let files = self.file.iter_mut().map(|sink| &mut sink.path);
        let webhooks = self
            .webhook
            .iter_mut()
            .flat_map(|sink| sink.headers.values_mut().chain(sink.key.as_mut()).chain(sink.ca.as_mut()));
        let streams = self.stream.iter_mut().filter_map(|sink| sink.unix.as_mut());
        let syslogs = self.syslog.iter_mut().filter_map(|sink| sink.unix.as_mut());
        let all = files.chain(webhooks).chain(streams).chain(syslogs);
        for path in all.chain([&mut self.spool.directory]) {
            *path = directory.join(&*path);
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
