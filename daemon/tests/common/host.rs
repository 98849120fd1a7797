//! A host that runs the daemon with settings and one rule.

use std::fs::{self, File};
use std::path::PathBuf;

use sluicebox_daemon::feeds::publish::publish;
use tempfile::TempDir;

use super::feeds::said;
use super::{Listening, run, sluicebox, text};

/// A rule that finds the first connect of a container.
pub(crate) const RULE: &str = "- rule: Connects\n  id: connects\n  desc: d\n  condition: evt.type = connect\n  \
                    once: [container.id]\n  priority: NOTICE\n  output: o\n";

/// A host with settings and one rule.
pub(crate) struct Host {
    pub(crate) directory: TempDir,
}

impl Host {
    pub(crate) fn new() -> Host {
        let host = Host { directory: tempfile::tempdir().unwrap() };
        host.write("rules.yaml", RULE);
        host.write("sluicebox.toml", &host.settings(""));
        host
    }

    pub(crate) fn settings(&self, more: &str) -> String {
        format!("socket = \"events.sock\"\nrules = [\"rules.yaml\"]\nintel = \"intel\"\n{more}")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        publish(&self.path(name), text.as_bytes(), 0o600).unwrap();
    }

    pub(crate) fn check(&self, more: &[&str]) -> (Option<i32>, String) {
        said(&run(sluicebox()
            .args(["run", "--check", "--config"])
            .arg(self.path("sluicebox.toml"))
            .args(more)))
    }

    pub(crate) fn daemon(&self) -> Listening {
        let mut command = sluicebox();
        command.args(["run", "--config"]).arg(self.path("sluicebox.toml"));
        let log = File::create(self.path("log")).unwrap();
        Listening::start_logging(command, self.path("events.sock"), log.into())
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// What `status` says.
    pub(crate) fn status(&self) -> serde_json::Value {
        serde_json::from_str(&self.ask(&["--format", "json"])).unwrap()
    }

    /// What `status` prints.
    pub(crate) fn ask(&self, arguments: &[&str]) -> String {
        let control = self.path("control.sock");
        let output = run(sluicebox().arg("status").arg("--control").arg(control).args(arguments));
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }

    /// How often the log says something.
    pub(crate) fn says(&self, what: &str) -> usize {
        self.log().matches(what).count()
    }
}
