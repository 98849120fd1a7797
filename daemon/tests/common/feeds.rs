//! A host with one feed: its configuration, its state, a server that publishes.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output};

use flate2::Compression;
use flate2::write::GzEncoder;
use sluicebox_daemon::intel;
use tempfile::TempDir;

use super::http::{Answer, Http};
use super::{Listening, run, sluicebox, text};

pub(crate) struct Host {
    pub(crate) http: Http,
    pub(crate) directory: TempDir,
}

impl Host {
    /// A host whose feed `one` is at `/one`.
    pub(crate) fn new() -> Host {
        Host::with("", "")
    }

    /// The same, with more settings of the feed, and more tables after it.
    pub(crate) fn with(feed: &str, tables: &str) -> Host {
        let host = Host { http: Http::start(), directory: tempfile::tempdir().unwrap() };
        let url = host.http.url("/one");
        let url = if feed.contains("[feed.key]") && !feed.contains("header") {
            format!("{url}?key={{key}}")
        } else {
            url
        };
        host.configure(&format!(
            "[settings]\nallow_documentation = true\n\n[[feed]]\nname = \"one\"\nurl = \"{url}\"\nplain_http = true\n\
             licence = \"CC0-1.0\"\ninterval = \"1h\"\ntags = [\"mining-pool\"]\nconfidence = 90\n{feed}\n{tables}"
        ));
        host
    }

    pub(crate) fn configure(&self, config: &str) {
        fs::write(self.config(), config).unwrap();
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.directory.path().join("feeds.toml")
    }

    pub(crate) fn snapshot(&self) -> PathBuf {
        self.directory.path().join("state/intel.snapshot")
    }

    /// `sluicebox feeds COMMAND` on this host.
    pub(crate) fn feeds(&self, command: &str) -> Command {
        let mut feeds = sluicebox();
        feeds.args(["feeds", command, "--config"]).arg(self.config());
        feeds.arg("--state").arg(self.directory.path().join("state"));
        for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            feeds.env_remove(proxy);
        }
        feeds
    }

    /// A forced update: its status and what it printed.
    pub(crate) fn update(&self) -> (Option<i32>, String) {
        said(&run(self.feeds("update").arg("--force")))
    }

    /// Publishes a list that is fine, and takes it.
    pub(crate) fn take(&self, list: &str) {
        self.http.answer("/one", Answer::ok(list));
        let (status, printed) = self.update();
        assert_eq!(status, Some(0), "{printed}");
    }

    /// What `feeds status` says of the feed.
    pub(crate) fn status(&self) -> serde_json::Value {
        let (_, printed) = said(&run(self.feeds("status").args(["--format", "json"])));
        serde_json::from_str(printed.lines().next().unwrap()).unwrap()
    }

    /// A daemon with the snapshot of this host.
    pub(crate) fn daemon(&self) -> Listening {
        let socket = self.directory.path().join("events.sock");
        let mut command = sluicebox();
        command
            .args(["run", "--format", "json", "--socket"])
            .arg(&socket)
            .arg("--intel")
            .arg(self.snapshot());
        let log = File::create(self.directory.path().join("log")).unwrap();
        Listening::start_logging(command, socket, log.into())
    }

    /// What the daemon said on standard error.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap()
    }

    pub(crate) fn generation(&self) -> u64 {
        intel::load(&self.snapshot()).unwrap().generation()
    }
}

/// The status of a command, and all that it printed.
pub(crate) fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

/// A list of so many addresses.
pub(crate) fn addresses(count: u8) -> String {
    (1..=count).map(|last| format!("192.0.2.{last}\n")).collect()
}

/// A good list, then an answer that must not be taken: the snapshot is the same to the byte, and why is told and counted.
#[track_caller]
pub(crate) fn stays(host: &Host, good: &str, bad: Answer, reason: &str, words: &str) {
    host.take(good);
    let before = fs::read(host.snapshot()).unwrap();
    host.http.answer("/one", bad);
    for times in 1..=2 {
        let (status, printed) = host.update();
        assert_eq!(status, Some(1), "{printed}");
        assert!(printed.contains(&format!("({reason})")) && printed.contains(words), "{printed}");
        let told = host.status();
        assert_eq!(
            (&told["refusals"][reason], &told["error"]["runs"]),
            (&times.into(), &times.into()),
            "{told}"
        );
        assert!(fs::read(host.snapshot()).unwrap() == before, "{reason}: the snapshot has changed");
    }
    // And it recovers.
    host.take(good);
    assert!(host.status()["error"].is_null());
}

pub(crate) fn plain_stays(bad: Answer, reason: &str, words: &str) {
    stays(&Host::new(), &addresses(40), bad, reason, words);
}

pub(crate) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}
