//! Tests of rules: a language for small stories, a checker that says what is missing and what is too much, and a
//! runner for the tests that a rule carries.
//!
//! Owns the language and nothing else: it reads no file, and recorded traces are handed in as packets. What it makes
//! are real [`Event`](crate::event::Event)s for a real [`Sandbox`], so a test sees what the engine would see.
//! Bounds: [`MAX_SCRIPT`] bytes and [`MAX_EVENTS`] events a script.
//!
//! # The language
//!
//! One event a line; lines that begin with `#` and empty ones say nothing.
//!
//! ```text
//! TIME pid=N [parent=N] [tid=N] [comm=TEXT] [container=ID] [times=N every=SPAN] EVENT key=value...
//! ```
//!
//! ```
//! # use std::sync::Arc;
//! # use sluicebox::rules::{self, Thresholds, testing::{Script, check, intel}};
//! let rules = Arc::new(rules::builtin::compiled(Thresholds::default()).rules.unwrap());
//! let script = Script::parse(r#"
//!     0s     pid=10 connect fd=3 remote=198.51.100.7:443
//!     1s     pid=10 recvfrom fd=3 result=4096
//!     1s     pid=10 openat path=/tmp/x flags=O_CREAT|O_WRONLY result=4
//!     30m    pid=11 parent=10 execve path=/tmp/x argv="x --flag"
//!     #^ downloaded-program-run +30 via /tmp/x <- 198.51.100.7:443
//! "#)?;
//! let outcome = check(&rules, &intel(), &script);
//! assert!(outcome.is_as_expected(), "{outcome}");
//! # Ok::<(), sluicebox::rules::testing::ScriptError>(())
//! ```
//!
//! **Time** is event time since the script's begin, such as `30m` or `1s5ms`; it may go back, as events come late.
//! With `times` and `every` a line happens that often, that far apart.
//!
//! **Processes.** The container's first process is `pid=1`; its start comes by itself, before whatever is first.
//! Everyone else is cloned by itself where it is named first: from its `parent`, or else from the first process. After
//! `exit` an id can be used again and is another process. Lines with `container=ID` begin a container of that id,
//! whose first process is the first that is named with it.
//!
//! **Values** stand in double quotes if they have blanks; `\"`, `\\`, `\n` and `\xHH` work inside. `argv` is split by
//! blanks except in single quotes. Calls succeed unless `errno=ENOENT` says otherwise; a descriptor that a call
//! returns is the lowest free one unless `result` (`reader`, `writer`, `first`, `second`) names it; transfers move 64
//! bytes unless `result` says how many.
//!
//! | event | keys |
//! |---|---|
//! | `container` | `argv`: the first process of a container, where what it runs matters |
//! | `fork`, `vfork`, `clone` | `child` |
//! | `execve`, `execveat` | `path`, `argv`, `given` (the path as asked for), `layer=lower` or `upper`, `memfd=true`, `fd` (run by descriptor) |
//! | `exit` | `status` |
//! | `open`, `openat`, `creat` | `path`, `flags=O_CREAT\|O_WRONLY`, `mode`, `dirfd`, `origin` |
//! | `mapexec` | `path`: it is about to be mapped executable |
//! | `close`, `read`, `write`, … | `fd` |
//! | `socket` | `family=inet`, `inet6` or `unix`; `proto=tcp`, `udp` or `raw` |
//! | `connect` | `remote`, `fd`, `proto`; a descriptor that is not open gets its socket by itself |
//! | `sendto`, `recvfrom`, `sendmsg`, `recvmsg`, `sendmmsg`, `listen` | `fd`: raw calls |
//! | `bind` | `fd`, `local` |
//! | `accept`, `accept4` | `fd`, `remote` |
//! | `dup`, `dup2`, `dup3` | `old`, `new`, `flags` |
//! | `fcntl` | `fd`, `cmd=F_DUPFD`, `arg` |
//! | `pipe`, `pipe2`, `socketpair` | `reader` and `writer`, `first` and `second` |
//! | `chdir` | `path` |
//! | `chmod`, `fchmod`, `fchmodat` | `mode`, `fd`: raw calls, so without their path |
//! | `ioctl` | `fd`, `request`: a raw call |
//! | `memfd_create` | `cloexec=true`: a raw call |
//! | any other system call | `arg1` to `arg6`: a raw call |
//!
//! `origin=network` (or an address with a port) at an open is a short-hand: just before, the process gets bytes from
//! there, over a connection that it closes again.
//!
//! **Denylists** are the caller's; [`intel`] are those for tests: the bundled ones, 192.0.2.66 is a mining pool, and a
//! program with `sha256=` and 64 times the digit 6 is a miner.
//!
//! **Annotations** stand under a line and say what it must cause: `#^ RULE-ID [+POINTS] [TEXT]` a match of that rule,
//! `#^ finding notice|alert|kill [RULE-ID]` a finding. A text is a part of the match's output; one that begins with
//! `via` is how the file came to be that one of its steps is about: its path, what it was made from, the remote.

mod error;
mod events;
mod outcome;
mod run;
mod script;
mod words;
mod world;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use crate::engine::Sandbox;
use crate::intel::feed::{FileHash, Indicator, Record};
use crate::intel::{Added, Intel, IntelBuilder, Trust};

use super::RuleSet;

pub use error::{ScriptError, ScriptErrorKind};
pub use outcome::{CausedFinding, CausedMatch, Missing, Outcome};
pub use run::{Failure, Matches, Recordings, Tested, run_rule};
pub use script::{BEGIN, MAX_EVENTS, MAX_SCRIPT, Script};

/// Runs a script and compares what it causes with its annotations.
#[must_use]
pub fn check(rules: &Arc<RuleSet>, intel: &Intel, script: &Script) -> Outcome {
    let mut outcome = Outcome::default();
    let mut sandbox = Sandbox::new(Arc::clone(rules));
    let mut findings = Vec::new();
    for made in &script.made {
        let caused = &mut outcome.matches;
        sandbox.observe_with(&made.event(), intel, &mut findings, &mut |matched, points| {
            caused.push(CausedMatch::new(made.line, rules, matched, points));
        });
        outcome.findings.extend(findings.drain(..).map(|finding| CausedFinding { line: made.line, finding }));
    }
    outcome.compare(script);
    outcome
}

/// The denylists that tests see: those that come with Sluicebox, which name no address, and one that calls
/// `192.0.2.66` (of RFC 5737's addresses for documentation) a `mining-pool` and a file with a SHA-256 of 64 times the
/// digit 6 a `miner`.
#[must_use]
pub fn intel() -> Intel {
    let mut builder = IntelBuilder::seed();
    let pool = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 66));
    let feed = builder.feed("test", ["mining-pool"]);
    let added = builder.add(feed, &Record::bare(Indicator::Ip(pool), 1), 100, Trust::Full);
    debug_assert_eq!(added, Added::Kept);
    let feed = builder.feed("test", ["miner"]);
    let file = Record::bare(Indicator::Hash(FileHash::Sha256([0x66; 32])), 1);
    let added = builder.add(feed, &file, 100, Trust::Full);
    debug_assert_eq!(added, Added::Kept);
    builder.build(0)
}

/// How often each rule matches in a trace, given as its packets.
#[must_use]
pub fn count_matches<P: AsRef<[u8]>>(
    rules: &Arc<RuleSet>,
    intel: &Intel,
    packets: impl IntoIterator<Item = P>,
) -> Matches {
    let mut matches = Matches::default();
    let mut sandbox = Sandbox::new(Arc::clone(rules));
    let mut findings = Vec::new();
    for packet in packets {
        // What cannot be decoded the sandbox counts, and the stream goes on.
        let _counted = sandbox.packet_with(packet.as_ref(), intel, &mut findings, &mut |matched, _| {
            if let Some(rule) = rules.rules().get(matched.rule) {
                matches.add(&rule.id);
            }
        });
        findings.clear();
    }
    matches
}
