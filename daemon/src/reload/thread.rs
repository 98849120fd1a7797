//! The thread that reads, compiles and swaps.
//!
//! A change of files is taken when it has settled, that is when two looks in a row see the same: an editor may write in
//! place. The snapshot of the lists is replaced by renaming, so it is whole as soon as it is seen. It changes on its own
//! (a feed run publishes), so a change of it alone does not wait for rules that are broken at that time; with everything
//! else it holds that all of it is taken or nothing.

use std::any::Any;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::files::{Identity, Sight};
use super::{Current, Extent, Source};

/// How often files are looked at. With [`TICK`](super::TICK) and a load in between, new lists are in force within a second.
const LOOK: Duration = Duration::from_millis(250);

/// The thread. It ends when this is dropped.
#[derive(Debug)]
pub struct Reloader {
    asks: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Reloader {
    /// Begins to look at the files that `current` was loaded from.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn start(source: Source, current: Arc<Current>) -> io::Result<Reloader> {
        let (asks, asked) = channel();
        let mut watch = Watch::new(source, current);
        let thread =
            std::thread::Builder::new().name("reload".to_owned()).spawn(move || watch.run(&asked))?;
        Ok(Reloader { asks: Some(asks), thread: Some(thread) })
    }

    /// Asks for everything to be read anew; how that ended is in the log and in [`Current::history`].
    pub fn ask(&self) {
        if let Some(asks) = &self.asks {
            // Without the thread there is nobody to ask, which its end has said.
            let _asked = asks.send(());
        }
    }
}

impl Drop for Reloader {
    fn drop(&mut self) {
        drop(self.asks.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            warn!("the thread that reloads had panicked");
        }
    }
}

struct Watch {
    source: Source,
    current: Arc<Current>,
    /// The files that were last judged, good or not.
    judged: Sight,
    /// What the last look saw, if it was not that.
    unsettled: Option<Sight>,
    /// The snapshot that was last judged. Nothing at first: whatever came since the first load is loaded once more.
    judged_intel: Option<Identity>,
    /// What somebody may still use. Whoever drops the last handle frees hundreds of megabytes: that is to be this thread
    /// and never a worker.
    replaced: Vec<Arc<dyn Any + Send + Sync>>,
}

impl Watch {
    fn new(source: Source, current: Arc<Current>) -> Watch {
        let judged = Sight::of(source.file.as_deref(), &current.get().config);
        Watch { source, current, judged, unsettled: None, judged_intel: None, replaced: Vec::new() }
    }

    fn run(&mut self, asked: &Receiver<()>) {
        loop {
            match asked.recv_timeout(LOOK) {
                Ok(()) => {
                    // However often it was asked meanwhile, one answer is for all.
                    while asked.try_recv().is_ok() {}
                    self.reload(Extent::All);
                }
                Err(RecvTimeoutError::Timeout) => self.look(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn look(&mut self) {
        self.replaced.retain(|replaced| Arc::strong_count(replaced) > 1);
        let sight = self.sight();
        if sight == self.judged {
            self.unsettled = None;
        } else if self.unsettled.as_ref() == Some(&sight) {
            self.reload(Extent::All);
            return;
        } else {
            self.unsettled = Some(sight);
        }
        let intel = self.intel();
        if intel.is_some() && intel != self.judged_intel {
            self.reload(Extent::Intel);
        }
    }

    fn sight(&self) -> Sight {
        Sight::of(self.source.file.as_deref(), &self.current.get().config)
    }

    fn intel(&self) -> Option<Identity> {
        self.current.get().config.intel.as_deref().and_then(Identity::of)
    }

    fn reload(&mut self, extent: Extent) {
        let begin = Instant::now();
        // Before anything is read: what changes from here on is another change.
        if extent == Extent::All {
            self.judged = self.sight();
            self.unsettled = None;
        }
        self.judged_intel = self.intel();
        let before = self.current.get();
        match before.next(extent, &self.source) {
            Ok(None) => {
                self.current.note(|history| history.refusal = None);
                if extent == Extent::All {
                    info!(generation = before.generation, "reloaded: nothing has changed");
                }
            }
            Ok(Some((next, warnings))) => {
                let next = Arc::new(next);
                if !warnings.is_empty() {
                    warn!("{}", warnings.trim_end());
                }
                if !Arc::ptr_eq(&next.rules, &before.rules) {
                    self.replaced.push(Arc::clone(&before.rules) as Arc<dyn Any + Send + Sync>);
                }
                if !Arc::ptr_eq(&next.intel, &before.intel) {
                    self.replaced.push(Arc::clone(&before.intel) as Arc<dyn Any + Send + Sync>);
                }
                self.current.force.store(Arc::clone(&next));
                self.current.note(|history| {
                    history.taken = history.taken.saturating_add(1);
                    history.refusal = None;
                });
                info!(
                    generation = next.generation,
                    rules = next.rules.generation(),
                    intel = next.intel.generation(),
                    took_ms = begin.elapsed().as_millis(),
                    "reloaded: other rules, lists or settings are in force"
                );
                if fixed(&next.config) != fixed(&before.config) {
                    warn!(
                        "sockets, workers, sinks, metrics and the log are as they were: they change at the next start"
                    );
                }
                // The paths may be others now, and are looked at as they are.
                if extent == Extent::All {
                    self.judged = self.sight();
                }
            }
            Err(error) => {
                let reason = error.details();
                let what = match extent {
                    Extent::All => "a reload was refused, everything stays as it was",
                    Extent::Intel => {
                        "a snapshot of the denylists was refused, the last good one stays in force"
                    }
                };
                warn!(reason = %reason.trim_end(), "{what}");
                self.current.note(|history| {
                    history.refused = history.refused.saturating_add(1);
                    history.refusal = Some((std::time::SystemTime::now(), reason));
                });
            }
        }
    }
}

/// What of the settings is used at the start only.
fn fixed(config: &crate::config::Config) -> impl PartialEq + use<'_> {
    (
        (&config.socket, config.socket_mode, config.workers, config.max_connections),
        (&config.control, &config.sinks, config.metrics, &config.log),
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use sluicebox::intel::IntelBuilder;
    use tempfile::TempDir;

    use super::super::InForce;
    use super::*;
    use crate::config::Config;
    use crate::feeds::publish::publish;

    const RULE: &str =
        "- rule: R\n  id: r\n  desc: d\n  condition: evt.type = connect\n  priority: NOTICE\n  output: o\n";

    /// A directory with settings, rules and lists, and what looks at it.
    struct Host {
        directory: TempDir,
        watch: Watch,
    }

    impl Host {
        fn new() -> Host {
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("sluicebox.toml");
            fs::write(&file, "rules = [\"rules\"]\nintel = \"intel\"\n").unwrap();
            fs::create_dir(directory.path().join("rules")).unwrap();
            fs::write(directory.path().join("rules/one.yaml"), RULE).unwrap();
            let config = Config::load(&file).unwrap();
            let current = Arc::new(Current::new(InForce::first(config).unwrap().0));
            let path = file.clone();
            let source = Source { file: Some(file), read: Box::new(move || Config::load(&path)) };
            let watch = Watch::new(source, current);
            Host { directory, watch }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.directory.path().join(name)
        }

        fn write(&self, name: &str, text: &str) {
            publish(&self.path(name), text.as_bytes(), 0o600).unwrap();
        }

        fn publish(&self, generation: u64) {
            publish(&self.path("intel"), &IntelBuilder::default().build(generation).to_bytes(), 0o600)
                .unwrap();
        }

        fn settle(&mut self) {
            self.watch.look();
            self.watch.look();
        }

        /// Generations of everything, of the rules, and of the lists.
        fn generations(&self) -> (u64, u64, u64) {
            let force = self.watch.current.get();
            (force.generation, force.rules.generation(), force.intel.generation())
        }

        fn refusal(&self) -> String {
            self.watch.current.history().refusal.unwrap().1
        }
    }

    #[test]
    fn what_has_not_changed_is_not_taken_again() {
        let mut host = Host::new();
        host.settle();
        host.watch.reload(Extent::All);
        assert_eq!(host.generations(), (1, 1, 0));
        assert_eq!(host.watch.current.history().taken, 0);
    }

    #[test]
    fn a_changed_rule_file_is_taken_once_it_has_settled() {
        let mut host = Host::new();
        host.write("rules/two.yaml", &RULE.replace("R\n  id: r", "S\n  id: s"));
        host.watch.look();
        assert_eq!(host.generations(), (1, 1, 0), "it may be written still");
        host.watch.look();
        assert_eq!(host.generations(), (2, 2, 0));
        assert_eq!(host.watch.current.get().rules.rules().len(), 2);
        host.settle();
        assert_eq!(host.generations(), (2, 2, 0));
    }

    #[test]
    fn thresholds_are_compiled_into_the_rules_and_taken_with_them() {
        let mut host = Host::new();
        host.write("sluicebox.toml", "rules = [\"rules\"]\nintel = \"intel\"\n[thresholds]\nnotice = 10\n");
        host.settle();
        assert_eq!(host.generations(), (2, 2, 0));
    }

    #[test]
    fn one_wrong_file_refuses_all_of_it_with_the_reason_and_the_mend_takes_all_of_it() {
        let mut host = Host::new();
        host.publish(7);
        host.write("rules/one.yaml", &RULE.replace("evt.type", "evt.tpye"));
        host.watch.reload(Extent::All);
        assert_eq!(host.generations(), (1, 1, 0), "the good lists are not taken either");
        assert!(
            host.refusal().contains("one.yaml") && host.refusal().contains("evt.tpye"),
            "{}",
            host.refusal()
        );
        host.write("rules/one.yaml", &RULE.replace("connect", "accept"));
        host.settle();
        assert_eq!(host.generations(), (2, 2, 7));
        assert!(host.watch.current.history().refusal.is_none());
        host.write("sluicebox.toml", "rules = [\"rules\"]\nintle = \"intel\"\n");
        host.settle();
        host.settle();
        assert_eq!(host.generations(), (2, 2, 7));
        assert_eq!(host.watch.current.history().refused, 2, "refused once, not at every look");
        assert!(host.refusal().contains("did you mean `intel`?"), "{}", host.refusal());
    }

    #[test]
    fn lists_are_taken_on_their_own_also_while_rules_are_broken() {
        let mut host = Host::new();
        host.write("rules/one.yaml", "- rule: [\n");
        host.settle();
        host.publish(5);
        host.watch.look();
        host.watch.look();
        assert_eq!(host.generations(), (2, 1, 5));
        let mut broken = IntelBuilder::default().build(6).to_bytes();
        broken.pop();
        publish(&host.path("intel"), &broken, 0o600).unwrap();
        host.settle();
        assert_eq!(host.generations(), (2, 1, 5));
        fs::remove_file(host.path("intel")).unwrap();
        host.settle();
        assert_eq!((host.generations(), host.watch.current.history().refused), ((2, 1, 5), 2));
    }

    #[test]
    fn what_was_replaced_is_freed_here_once_nobody_uses_it() {
        let mut host = Host::new();
        let used = host.watch.current.get();
        let lists = Arc::clone(&used.intel);
        host.publish(5);
        host.settle();
        drop(used);
        host.watch.look();
        assert_eq!(host.watch.replaced.len(), 1);
        drop(lists);
        host.watch.look();
        assert_eq!(host.watch.replaced.len(), 0);
    }

    #[test]
    fn the_first_lists_may_be_missing_and_rules_may_not_be_wrong() {
        let config = Config { intel: Some(Path::new("/nowhere").into()), ..Config::default() };
        assert!(InForce::first(config).is_ok());
        let config = Config { rules: vec![Path::new("/nowhere").into()], ..Config::default() };
        assert!(matches!(InForce::first(config), Err(super::super::ReloadError::Rules(_))));
    }
}
