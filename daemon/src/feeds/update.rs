//! One run over all feeds: fetch what is due, keep what is good, publish what all of them say.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sluicebox::event::Time;
use sluicebox::intel::feed::vet::{Entry, Last, Lists, Policy, Strictness, VetError};
use sluicebox::intel::feed::{Ending, FeedError, Vetted, WarningList, parse, vet};
use sluicebox::intel::{Added, Intel, IntelBuilder, MAX_SNAPSHOT, Trust};
use thiserror::Error;

use super::config::{Config, Source};
use super::fetch::{FetchError, Fetched, Validators, fetch};
use super::publish::publish;
use super::store::{Locked, State, Store, StoreError};

/// The largest warninglist.
const MAX_WARNINGLIST: u64 = 64 << 20;

/// The daemon may run as somebody else than whoever updates.
const SNAPSHOT_MODE: u32 = 0o644;

/// What is to be done.
#[derive(Debug)]
pub struct Update {
    /// The feeds.
    pub config: Config,
    /// What is kept between runs.
    pub store: Store,
    /// Where the snapshot goes.
    pub out: PathBuf,
    /// The feeds that are fetched; all of them if none is named.
    pub only: Vec<String>,
    /// Whether feeds are fetched that are not due.
    pub force: bool,
}

/// Why a run came to nothing. The published snapshot is as it was.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// What is kept cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No feed has that name.
    #[error("no feed is called `{0}`")]
    NoSuchFeed(String),
    /// A warninglist cannot be used: without it innocent addresses would be believed to be bad.
    #[error("warninglist {}: {what}", path.display())]
    Warninglist {
        /// Which.
        path: PathBuf,
        /// Why.
        what: String,
    },
    /// The snapshot cannot be written.
    #[error("cannot publish {}: {source}", path.display())]
    Publish {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The feeds say more than a snapshot holds.
    #[error("the feeds have more entries than a snapshot holds")]
    Full,
}

/// Why a file was not taken.
#[derive(Debug)]
pub enum Trouble {
    /// It did not come.
    Fetch(FetchError),
    /// It is no feed.
    Feed(FeedError),
    /// It is not to be believed.
    Vet(VetError),
}

impl Trouble {
    /// The reason in a word.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Trouble::Fetch(error) => error.name(),
            Trouble::Feed(error) => error.name(),
            Trouble::Vet(error) => error.name(),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Fetch(error) => error.fmt(f),
            Trouble::Feed(error) => error.fmt(f),
            Trouble::Vet(error) => error.fmt(f),
        }
    }
}

/// What became of a feed in a run.
#[derive(Debug)]
pub enum Fate {
    /// Another file came and is believed.
    Accepted,
    /// The publisher has nothing new.
    Unchanged,
    /// Its time has not come.
    NotDue {
        /// How long that is away.
        wait: Duration,
    },
    /// It was not to be fetched.
    NotAsked,
    /// No file came that can be believed. The last good one stays.
    Failed(Trouble),
}

/// What is to be told of a feed.
#[derive(Debug)]
pub struct Told<'a> {
    /// Which.
    pub feed: &'a str,
    /// What became of it.
    pub fate: Fate,
    /// How many of its entries are in force now.
    pub entries: usize,
    /// How many of those are hints only.
    pub hints: u64,
    /// What of its file is not believed, by reason.
    pub refused: Vec<(&'static str, u64)>,
}

/// What a run published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// Another snapshot.
    New {
        /// Its number.
        generation: u64,
        /// Its size.
        bytes: usize,
    },
    /// All feeds together say what they said before.
    Same {
        /// Its number.
        generation: u64,
    },
}

/// What a feed has in force.
struct InForce<'a> {
    source: &'a Source,
    entries: Vec<Entry>,
}

/// Seconds since 1970.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The same as a time of the library.
#[must_use]
pub fn time(seconds: u64) -> Time {
    Time(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000_000))
}

impl Update {
    /// Runs. `tell` hears of each feed as it is done with, in the order of the configuration.
    ///
    /// # Errors
    /// Where nothing could be published. A feed that fails is no error of the run.
    pub fn run(&self, tell: &mut dyn FnMut(Told<'_>)) -> Result<Published, UpdateError> {
        if let Some(unknown) =
            self.only.iter().find(|name| !self.config.feeds.iter().any(|feed| feed.name == **name))
        {
            return Err(UpdateError::NoSuchFeed(unknown.clone()));
        }
        let lists = lists(&self.config)?;
        let locked = self.store.lock()?;
        let host = fs::read_to_string("/etc/machine-id").unwrap_or_default();
        let mut in_force = Vec::new();
        for source in self.config.feeds.iter().filter(|source| source.enabled) {
            let now = now();
            let mut state = locked.store().state(&source.name)?;
            // A feed that moved is due, and nothing that the old place said counts for the new one.
            let moved = state.url != source.url;
            if moved {
                (state.validators, state.tried) = (Validators::default(), None);
            }
            let fetched = self.fetched(source, &mut state, moved, &lists, &host, now);
            let (fate, fresh) = match fetched {
                Ok(Arrival::New { bytes, entries, told }) => {
                    locked.keep_body(&source.name, &bytes)?;
                    (Fate::Accepted, Some((entries, told)))
                }
                Ok(Arrival::Nothing(fate)) => (fate, None),
                Err(trouble) => {
                    state.failed(trouble.name(), trouble.to_string(), now);
                    (Fate::Failed(trouble), None)
                }
            };
            if !matches!(fate, Fate::NotDue { .. } | Fate::NotAsked) {
                locked.keep_state(&source.name, &state)?;
            }
            let is_fresh = fresh.is_some();
            let (mut entries, told) = match fresh {
                Some(fresh) => fresh,
                None => kept(&locked, source, &self.config, &lists, now)?,
            };
            let before = locked.store().seen(&source.name)?;
            let seen = before.date(&mut entries, state.changed.unwrap_or(now));
            if is_fresh && seen != before {
                locked.keep_seen(&source.name, &seen)?;
            }
            tell(Told {
                feed: &source.name,
                fate,
                entries: entries.len(),
                hints: told.hints,
                refused: told.refused,
            });
            in_force.push(InForce { source, entries });
        }
        let published = self.publish(&in_force)?;
        drop(locked);
        Ok(published)
    }

    /// Fetches a feed if it is due, and judges what came.
    fn fetched(
        &self,
        source: &Source,
        state: &mut State,
        moved: bool,
        lists: &Lists,
        host: &str,
        now: u64,
    ) -> Result<Arrival, Trouble> {
        if !self.only.is_empty() && !self.only.contains(&source.name) {
            return Ok(Arrival::Nothing(Fate::NotAsked));
        }
        if let Some(wait) = wait(source, state, host, now).filter(|_| !self.force) {
            return Ok(Arrival::Nothing(Fate::NotDue { wait }));
        }
        state.tried = Some(now);
        let known = if state.changed.is_some() && self.store.has_body(&source.name) {
            state.validators.clone()
        } else {
            Validators::default()
        };
        let kept = || self.store.body(&source.name).ok().flatten();
        match fetch(source, &self.config.settings, &known, &kept).map_err(Trouble::Fetch)? {
            Fetched::Unchanged => {
                state.confirmed = Some(now);
                state.error = None;
                Ok(Arrival::Nothing(Fate::Unchanged))
            }
            Fetched::Body { bytes, validators } => {
                let mut policy = source.policy(&self.config.settings);
                policy.bounds.last = state.changed.filter(|_| !moved).map(|_| Last {
                    entries: state.entries,
                    ending: if state.marked { Ending::Marked } else { Ending::Unmarked },
                });
                let vetted = judged(source, &bytes, &policy, lists, now)?;
                let told = Judged::of(&vetted);
                let marked = vetted.ending == Ending::Marked;
                let entries = vetted.accept().map_err(Trouble::Vet)?;
                *state = State {
                    url: source.url.clone(),
                    validators,
                    tried: Some(now),
                    confirmed: Some(now),
                    changed: Some(now),
                    entries: u64::try_from(entries.len()).unwrap_or(u64::MAX),
                    marked,
                    error: None,
                    refusals: std::mem::take(&mut state.refusals),
                };
                Ok(Arrival::New { bytes, entries, told })
            }
        }
    }

    /// Publishes what is in force, unless that is what is published already.
    fn publish(&self, in_force: &[InForce<'_>]) -> Result<Published, UpdateError> {
        let failed = |source| UpdateError::Publish { path: self.out.clone(), source };
        let before = read(&self.out).map_err(failed)?;
        // What is there may be broken: then it is replaced.
        let generation =
            before.as_deref().and_then(|bytes| Some(Intel::from_bytes(bytes).ok()?.generation()));
        if let Some(generation) = generation
            && before.as_deref() == Some(&assemble(in_force, generation)?.to_bytes())
        {
            return Ok(Published::Same { generation });
        }
        drop(before);
        // Generations of a host grow even where the file was lost: they are seconds, unless there were more than one.
        let generation = generation.map_or(0, |generation| generation.saturating_add(1)).max(now());
        let bytes = assemble(in_force, generation)?.to_bytes();
        publish(&self.out, &bytes, SNAPSHOT_MODE).map_err(failed)?;
        Ok(Published::New { generation, bytes: bytes.len() })
    }
}

/// What came of asking for a feed.
enum Arrival {
    New { bytes: Vec<u8>, entries: Vec<Entry>, told: Judged },
    Nothing(Fate),
}

/// What is told of a file that was judged.
#[derive(Default)]
struct Judged {
    hints: u64,
    refused: Vec<(&'static str, u64)>,
}

impl Judged {
    fn of(vetted: &Vetted) -> Judged {
        Judged { hints: vetted.demoted, refused: vetted.refused_by_reason().into_iter().collect() }
    }
}

impl Store {
    fn has_body(&self, feed: &str) -> bool {
        matches!(self.body(feed), Ok(Some(_)))
    }
}

/// How long it is until a feed may be fetched again; nothing if it may.
#[must_use]
pub fn wait(source: &Source, state: &State, host: &str, now: u64) -> Option<Duration> {
    // A failure is tried again after the interval as well: a publisher in trouble is not helped by haste.
    let tried = state.tried?;
    let interval = source.interval.saturating_add(source.jitter(host)).as_secs();
    let due = tried.saturating_add(interval);
    // A clock that was set back must not silence a feed for longer than its interval.
    (tried <= now && now < due).then(|| Duration::from_secs(due.saturating_sub(now)))
}

/// Reads and judges the file of a feed.
///
/// # Errors
/// Where it is no feed. What is refused whole is told by what comes back.
pub(super) fn judged(
    source: &Source,
    bytes: &[u8],
    policy: &Policy,
    lists: &Lists,
    now: u64,
) -> Result<Vetted, Trouble> {
    let parsed = parse(source.format, bytes, &source.options(time(now))).map_err(Trouble::Feed)?;
    Ok(vet(parsed, policy, lists, time(now)))
}

/// What the last good file of a feed says today.
fn kept(
    locked: &Locked,
    source: &Source,
    config: &Config,
    lists: &Lists,
    now: u64,
) -> Result<(Vec<Entry>, Judged), UpdateError> {
    let Some(bytes) = locked.store().body(&source.name)? else { return Ok((Vec::new(), Judged::default())) };
    let Ok(vetted) = judged(source, &bytes, &lenient(source.policy(&config.settings)), lists, now) else {
        // It was one when it was kept: another format was configured since.
        return Ok((Vec::new(), Judged::default()));
    };
    let told = Judged::of(&vetted);
    Ok((vetted.accept().unwrap_or_default(), told))
}

/// What is asked of a file that was good once: its entries age and the operator's lists change, and that takes single
/// entries out, not the file.
pub(super) fn lenient(mut policy: Policy) -> Policy {
    policy.strictness = Strictness::Entry;
    policy.bounds.min = 0;
    policy.bounds.last = None;
    policy
}

/// Who is heard before the feeds.
///
/// # Errors
/// If a warninglist cannot be used.
pub fn lists(config: &Config) -> Result<Lists, UpdateError> {
    let mut warning = Vec::new();
    for path in &config.settings.warninglists {
        let failed = |what: String| UpdateError::Warninglist { path: path.clone(), what };
        let mut bytes = Vec::new();
        fs::File::open(path)
            .and_then(|file| file.take(MAX_WARNINGLIST).read_to_end(&mut bytes))
            .map_err(|error| failed(error.to_string()))?;
        let list =
            WarningList::parse(&called(path), &bytes, None).map_err(|error| failed(error.to_string()))?;
        warning.push(list);
    }
    Ok(Lists { warning, allowed: config.allowed() })
}

/// A warninglist is called by its file; MISP's are all `list.json` in a directory with the name.
fn called(path: &Path) -> String {
    let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    match stem(path) {
        Some(name) if name == "list" => path.parent().and_then(stem).unwrap_or(name),
        Some(name) => name,
        None => String::new(),
    }
}

/// One snapshot of the bundled lists and of all that is in force.
fn assemble(in_force: &[InForce<'_>], generation: u64) -> Result<Intel, UpdateError> {
    let mut builder = IntelBuilder::seed();
    for InForce { source, entries } in in_force {
        let feed = builder.feed(&source.name, source.tags.iter().map(String::as_str));
        for entry in entries {
            let trust = if entry.demoted_by.is_empty() { Trust::Full } else { Trust::Hint };
            match builder.add(feed, &entry.record, entry.confidence, trust) {
                // Digests that gVisor cannot give are counted where a feed is checked.
                Added::Kept | Added::Unusable => {}
                Added::Full => return Err(UpdateError::Full),
            }
        }
    }
    Ok(builder.build(generation))
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    match fs::File::open(path)
        .and_then(|file| file.take(MAX_SNAPSHOT.saturating_add(1)).read_to_end(&mut bytes))
    {
        Ok(_) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
