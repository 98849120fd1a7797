//! The command line: what was typed, what comes of it, and how it ends.
//!
//! Every subcommand has a file with two types: what clap parsed, and the plan that runs, which holds no strings to be
//! looked at again. Exit status: 0 nothing to report, 1 findings at or above `--fail-on`, 2 a failure. A reader that
//! closes our standard output has had enough, which is no failure.

mod bench;
mod dump;
mod feeds;
mod log;
mod manual;
mod play;
mod record;
mod replay;
mod report;
mod rules;
mod run;
mod service;
mod session;
mod sinks;
mod status;
mod strace;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Nothing to report.
    Clean,
    /// Findings that the caller wants to fail on.
    Found,
    /// Something could not be done, and was said. Wins over findings: what was not seen might have been worse.
    Failed,
}

impl Outcome {
    fn code(self) -> ExitCode {
        match self {
            Outcome::Clean => ExitCode::SUCCESS,
            Outcome::Found => ExitCode::from(1),
            Outcome::Failed => ExitCode::from(2),
        }
    }

    fn and(self, other: Outcome) -> Outcome {
        match (self, other) {
            (Outcome::Failed, _) | (_, Outcome::Failed) => Outcome::Failed,
            (Outcome::Found, _) | (_, Outcome::Found) => Outcome::Found,
            (Outcome::Clean, Outcome::Clean) => Outcome::Clean,
        }
    }
}

/// Finds miners and other abuse in the trace events of gVisor sandboxes.
#[derive(Debug, Parser)]
#[command(name = "sluicebox", version, max_term_width = 100)]
#[command(after_help = "Exit status: 0 nothing found, 1 findings at or above --fail-on, 2 failure.\n\
                        SLUICEBOX_LOG sets what is logged to standard error, such as `debug` or `off`.")]
struct Typed {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Replay(replay::Typed),
    Dump(dump::Typed),
    Run(run::Typed),
    Status(status::Typed),
    Session(session::Typed),
    Rules(rules::Typed),
    Record(record::Typed),
    Play(play::Typed),
    Feeds(feeds::Typed),
    Sinks(sinks::Typed),
    Completions(manual::Completions),
    Man(manual::Manual),
    Strace(strace::Typed),
    Bench(bench::Typed),
}

/// Runs the command that the process was started with.
pub(crate) fn main() -> ExitCode {
    let typed = match Typed::try_parse() {
        Ok(typed) => typed,
        Err(error) => {
            // Help and version come this way too, to standard output and with status 0.
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            return match error.print() {
                Ok(()) => ExitCode::from(code),
                Err(_) => ExitCode::from(2),
            };
        }
    };
    let result = match typed.command {
        Command::Replay(typed) => replay::run(typed),
        Command::Dump(typed) => dump::run(typed),
        Command::Run(typed) => run::run(typed),
        Command::Status(typed) => status::run(typed),
        Command::Session(typed) => session::run(typed),
        Command::Rules(typed) => rules::run(typed),
        Command::Record(typed) => record::run(typed),
        Command::Play(typed) => play::run(typed),
        Command::Feeds(typed) => feeds::run(typed),
        Command::Sinks(typed) => sinks::run(typed),
        Command::Completions(typed) => Ok(manual::completions(&typed)),
        Command::Man(typed) => manual::manual(&typed),
        Command::Strace(typed) => strace::run(typed),
        Command::Bench(typed) => bench::run(typed),
    };
    match result {
        Ok(outcome) => outcome.code(),
        Err(error) if is_broken_pipe(&error) => Outcome::Clean.code(),
        Err(error) => {
            complain(&error);
            Outcome::Failed.code()
        }
    }
}

/// Says on standard error what went wrong, in one line.
fn complain(error: &anyhow::Error) {
    say(&format!("{error}"));
}

/// Writes one line to standard error. That it cannot be written is nothing that could be said anywhere.
fn say(what: &str) {
    drop(writeln!(io::stderr(), "sluicebox: {what}"));
}

/// Writes lines that are whole already to standard error: diagnostics with the source lines that they are about.
fn say_lines(what: &str) {
    drop(io::stderr().write_all(what.as_bytes()));
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
