//! `sluicebox feeds update`: cron's command.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sluicebox_daemon::feeds::update::{Published, Trouble};
use sluicebox_daemon::feeds::{Config, Fate, Store, Told, Update};

use super::super::Outcome;
use super::Place;

/// Fetch feeds that are due and publish a snapshot of all; a feed that fails keeps its last good file
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 all fine, 1 a feed failed or was refused and its last good file stays in force, \
                        2 nothing could be published."
)]
pub(super) struct Typed {
    #[command(flatten)]
    place: Place,
    /// Where the snapshot goes; `intel.snapshot` in the state directory if not given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Fetch this feed only; all others stay as they are
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Fetch feeds before their time as well; publishers lock out who does that often
    #[arg(long)]
    force: bool,
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    let config = Config::load(&typed.place.config)?;
    let store = Store::at(&typed.place.state);
    let out = typed.out.unwrap_or_else(|| store.snapshot());
    let feeds = config.feeds.iter().filter(|feed| feed.enabled).count();
    let update = Update { config, store, out, only: typed.only, force: typed.force };
    let bar = bar(feeds);
    let mut outcome = Outcome::Clean;
    let mut told = Ok(());
    let published = update.run(&mut |feed| {
        bar.inc(1);
        if matches!(feed.fate, Fate::Failed(_)) {
            outcome = Outcome::Found;
        }
        let line = line(&feed);
        let written = bar.suspend(|| writeln!(io::stdout(), "{line}"));
        if told.is_ok() {
            told = written;
        }
    });
    bar.finish_and_clear();
    let mut out = io::stdout().lock();
    match published? {
        Published::New { generation, bytes } => {
            writeln!(out, "snapshot {generation}, {bytes} bytes: {}", update.out.display())?
        }
        Published::Same { generation } => {
            writeln!(out, "snapshot {generation} stays, nothing new: {}", update.out.display())?;
        }
    }
    told?;
    Ok(outcome)
}

/// A bar where somebody looks on.
fn bar(feeds: usize) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let feeds = u64::try_from(feeds).unwrap_or(u64::MAX);
    let bar = ProgressBar::with_draw_target(Some(feeds), ProgressDrawTarget::stderr());
    // The template is in its form; without it the usual one will do.
    let bar = match ProgressStyle::with_template("{bar:40} {pos}/{len} feeds, {elapsed}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    };
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

fn line(told: &Told<'_>) -> String {
    let Told { feed, fate, entries, hints, refused } = told;
    let what = match fate {
        Fate::Accepted => "accepted".to_owned(),
        Fate::Unchanged => "unchanged".to_owned(),
        Fate::NotDue { wait } => format!("not due for {}", super::span(wait.as_secs())),
        Fate::NotAsked => "not asked for".to_owned(),
        Fate::Failed(trouble) => {
            let verb = match trouble {
                Trouble::Fetch(_) => "failed",
                Trouble::Feed(_) | Trouble::Vet(_) => "refused",
            };
            format!("{verb} ({}): {trouble}; the last good file stays", trouble.name())
        }
    };
    let mut line = format!("{feed}: {what}; {entries} entries");
    if *hints > 0 {
        line.push_str(&format!(", {hints} of them hints"));
    }
    if !refused.is_empty() {
        let refused: Vec<String> =
            refused.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        line.push_str(&format!("; not believed: {}", refused.join(", ")));
    }
    line
}
