//! `sluicebox feeds explain`: who says something, since when, and why that is not believed where it is not.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use sluicebox::finding::text::Utc;
use sluicebox::intel::feed::{FileHash, Indicator, indicator};
use sluicebox::intel::{Hit, Intel, Trust};
use sluicebox_daemon::feeds::explain::{Verdict, opinions};
use sluicebox_daemon::feeds::update::{now, time};
use sluicebox_daemon::feeds::{Config, Store};
use sluicebox_daemon::intel;

use super::super::Outcome;
use super::Place;

/// Say what the snapshot knows of an address, a digest or a text, and which feeds say what of it
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 nothing is known of it, 1 the snapshot knows it, 2 failure.")]
pub(super) struct Typed {
    #[command(flatten)]
    place: Place,
    /// The snapshot; `intel.snapshot` in the state directory if not given, the bundled lists if that is not there
    #[arg(long, value_name = "FILE")]
    intel: Option<PathBuf>,
    /// An address, with a port or without, a prefix, a host, a URL, a digest, a program's name or an argument
    #[arg(value_name = "WHAT")]
    what: String,
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    let store = Store::at(&typed.place.state);
    let published = store.snapshot();
    let intel = match typed.intel {
        Some(path) => intel::load(&path)?,
        None if published.exists() => intel::load(&published)?,
        None => Intel::seed(),
    };
    let what = typed.what.trim();
    let wanted = indicator(what);
    let at = time(now());
    let mut out = io::stdout().lock();
    let mut outcome = Outcome::Clean;
    writeln!(out, "{what}: snapshot {}", intel.generation())?;
    let by_indicator = wanted.as_ref().and_then(|wanted| intel.lookup(wanted, at));
    for (kind, hit) in [("", by_indicator), ("as a program's name: ", intel.binary_name(what.as_bytes(), at))]
    {
        if let Some(hit) = hit {
            outcome = Outcome::Found;
            tell(kind, &hit, &mut out)?;
        }
    }
    let said = intel.arguments([&b""[..], what.as_bytes()].into_iter(), at);
    if let (Some(source), Outcome::Clean) = (&said.source, outcome) {
        outcome = Outcome::Found;
        writeln!(
            out,
            "  as an argument: {source} says {}, confidence {}",
            said.tags.join(", "),
            said.confidence
        )?;
    }
    if let Some(Indicator::Hash(FileHash::Md5(_) | FileHash::Sha512(_))) = &wanted {
        writeln!(out, "  gVisor gives SHA-256 and SHA-1 of programs: no such digest is ever looked up")?;
    }
    if outcome == Outcome::Clean {
        writeln!(out, "  nobody says anything of it that is believed")?;
    }
    // Without a configuration there is nothing that could have been vetted away.
    if let (Some(wanted), true) = (&wanted, typed.place.config.exists()) {
        let config = Config::load(&typed.place.config)?;
        for opinion in opinions(&config, &store, wanted)? {
            let verdict = match opinion.verdict {
                Verdict::Believed(confidence) => format!("believed, confidence {confidence}"),
                Verdict::Hint(by) => format!("a hint only, as it is shared: {}", by.join(", ")),
                Verdict::Refused(why) => format!("not believed: {why}"),
            };
            writeln!(out, "  {} line {} names {}: {verdict}", opinion.feed, opinion.line, opinion.names)?;
        }
    }
    Ok(outcome)
}

fn tell(kind: &str, hit: &Hit<'_>, out: &mut impl Write) -> io::Result<()> {
    for (_, claim) in hit.claims() {
        let since = claim.since.map_or(String::new(), |since| format!(", since {}", Utc(since.0)));
        let until = claim.until.map_or(String::new(), |until| format!(", until {}", Utc(until.0)));
        let trust = match claim.trust {
            Trust::Full => "",
            Trust::Hint => ", a hint only",
        };
        writeln!(
            out,
            "  {kind}{} says {}, confidence {}{since}{until}{trust}",
            claim.source,
            claim.tags.join(", "),
            claim.confidence,
        )?;
    }
    Ok(())
}
