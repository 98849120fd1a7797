//! `sluicebox rules test`: the tests that rules carry, over their scripts and over recorded traces.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Value, json};
use sluicebox::intel::Intel;
use sluicebox::rules::testing::{self, Failure, Matches, Recordings, Tested, count_matches, run_rule};
use sluicebox::rules::{RuleReport, RuleSet, RuleSource, Severity, Sources, Thresholds, compile, load};
use sluicebox_daemon::rules::Texts;
use sluicebox_daemon::trace::{self, Source};

use super::super::{Outcome, say_lines};
use super::Format;

/// Run the tests that rules carry, and name the rules that have none
///
/// A test with `events` is a script; one with `trace: NAME` runs over NAME, NAME.trace or NAME.trace.zst beside the
/// rule file or in a directory of --trace, and in the directories right in those (one for each release of gVisor, for
/// instance): it must hold in all that there are. Scripts and traces see the bundled lists, and 192.0.2.66 as a
/// `mining-pool`.
///
/// Exit status: 0 all passed, 1 a test failed or --require-tests found a rule without one, 2 the rules cannot be
/// loaded.
#[derive(Debug, Args)]
pub(super) struct Typed {
    /// How the outcome is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Where recorded traces are, beside the directory of the rule file
    #[arg(long, value_name = "DIR")]
    trace: Vec<PathBuf>,
    /// Fail if a rule has no test
    #[arg(long)]
    require_tests: bool,
    /// Rule files, or directories of *.yaml; the built-in rules if not given
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub(super) fn run(typed: Typed) -> Result<Outcome> {
    for directory in &typed.trace {
        if !directory.is_dir() {
            bail!("rules: no such directory: {}", directory.display());
        }
    }
    let texts = Texts::read(&typed.paths)?;
    let compiled = compile(&texts.named(), Thresholds::default(), 1);
    say_lines(&compiled.diagnostics.text_from(Severity::Warning, &compiled.sources));
    let Some(rules) = compiled.rules else {
        bail!("rules: {} errors, nothing was loaded", compiled.diagnostics.errors());
    };
    let (written, sources, _) = load(&texts.named());
    let mut bench = Bench {
        rules: Arc::new(rules),
        intel: testing::intel(),
        traces: &typed.trace,
        // The recordings of the built-in rules' tests do not come with the command.
        left_out_without: (texts.are_built_in() && typed.trace.is_empty()).then(BTreeSet::new),
        played: BTreeMap::new(),
    };
    let ran: Vec<Ran<'_>> = written
        .iter()
        .zip(&compiled.reports)
        .map(|(rule, report)| bench.run(rule, report, &sources))
        .collect();
    let summary = Summary::of(&ran, bench.left_out_without.as_ref().map_or(0, BTreeSet::len));
    let mut out = io::stdout().lock();
    match typed.format {
        Format::Text => {
            for rule in &ran {
                out.write_all(rule.text(&sources).as_bytes())?;
            }
            writeln!(out, "{}", summary.sentence())?;
        }
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, &summary.json(&ran, &sources))?;
            writeln!(out)?;
        }
    }
    out.flush()?;
    let is_short = typed.require_tests && summary.without_test > 0;
    Ok(if summary.failed > 0 || is_short { Outcome::Found } else { Outcome::Clean })
}

/// What tests run on.
struct Bench<'a> {
    rules: Arc<RuleSet>,
    intel: Intel,
    traces: &'a [PathBuf],
    /// If traces that are nowhere are left out: their names.
    left_out_without: Option<BTreeSet<String>>,
    /// What all rules make of a trace: each is played once, whoever asks.
    played: BTreeMap<PathBuf, Result<Matches, String>>,
}

impl Bench<'_> {
    fn run<'r>(&mut self, rule: &'r RuleSource, report: &'r RuleReport, sources: &Sources) -> Ran<'r> {
        if !report.enabled {
            return Ran { rule, report, tested: Vec::new() };
        }
        let beside = Path::new(sources.name(rule.span.source)).parent().map(Path::to_owned);
        let rules = Arc::clone(&self.rules);
        let Bench { intel, traces, left_out_without, played, .. } = self;
        let mut nowhere = BTreeSet::new();
        let mut tested = run_rule(rule, &rules, intel, &mut |name| {
            let found = find(name, beside.as_deref().into_iter().chain(traces.iter().map(PathBuf::as_path)));
            if found.is_empty() {
                nowhere.insert(name.to_owned());
            }
            let mut recordings = Recordings::new();
            for path in found {
                let matches =
                    played.entry(path.clone()).or_insert_with(|| play(&rules, intel, &path)).clone()?;
                recordings.push((path.display().to_string(), matches));
            }
            Ok(recordings)
        });
        if let Some(left_out) = left_out_without {
            tested.retain(|test| test.recording.as_ref().is_none_or(|name| !nowhere.contains(name)));
            left_out.extend(nowhere);
        }
        Ran { rule, report, tested }
    }
}

/// The traces of a name: in these directories, and in those right in them, in the order of their names.
fn find<'a>(name: &str, directories: impl Iterator<Item = &'a Path>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for directory in directories {
        // A bare file name has no directory: it is this one.
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let mut places = vec![directory.to_owned()];
        if let Ok(inside) = fs::read_dir(directory) {
            let mut inside: Vec<PathBuf> = inside
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .filter(|path| path.is_dir())
                .collect();
            inside.sort();
            places.extend(inside);
        }
        for place in places {
            let forms = [name.to_owned(), format!("{name}.trace"), format!("{name}.trace.zst")];
            // Of one directory, one: plain and packed are the same trace.
            let path = forms.iter().map(|form| place.join(form)).find(|path| path.is_file());
            found.extend(path.filter(|path| !found.contains(path)));
        }
    }
    found
}

fn play(rules: &Arc<RuleSet>, intel: &Intel, path: &Path) -> Result<Matches, String> {
    let mut trace = trace::open(&Source::from(path)).map_err(|error| error.to_string())?;
    let mut broken = None;
    let packets = std::iter::from_fn(|| match trace.next_packet() {
        Ok(packet) => packet.map(<[u8]>::to_vec),
        Err(error) => {
            broken = Some(error.to_string());
            None
        }
    });
    let matches = count_matches(rules, intel, packets);
    broken.map_or(Ok(matches), Err)
}

/// A rule and what came of its tests.
struct Ran<'a> {
    rule: &'a RuleSource,
    report: &'a RuleReport,
    tested: Vec<Tested>,
}

impl Ran<'_> {
    /// A line for the rule, or one for each test that failed.
    fn text(&self, sources: &Sources) -> String {
        let id = &self.rule.id.value;
        if !self.report.enabled {
            return format!("off   {id}: it is switched off, its tests are not run\n");
        }
        if self.rule.tests.is_empty() {
            return format!("none  {id}: it has no test\n");
        }
        let failed: Vec<&Tested> = self.tested.iter().filter(|test| test.failure.is_some()).collect();
        if failed.is_empty() {
            return format!("ok    {id}: {} passed\n", self.tested.len());
        }
        let mut text = String::new();
        for test in failed {
            let place = place(test, sources);
            text.push_str(&format!("FAIL  {id}: {place}: {test}"));
            for why in self.report.why() {
                text.push_str(&format!("\n      the rule is left out: {why}"));
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        text
    }

    fn json(&self, sources: &Sources) -> Value {
        let tests: Vec<Value> = self.tested.iter().map(|test| test_as_json(test, sources)).collect();
        json!({
            "rule": self.rule.id.value,
            "enabled": self.report.enabled,
            "left_out": self.report.why(),
            "has_tests": !self.rule.tests.is_empty(),
            "tests": tests,
        })
    }
}

fn place(test: &Tested, sources: &Sources) -> String {
    let line = sources.position(test.span.source, test.span.start).line;
    format!("{}:{line}", sources.name(test.span.source))
}

fn test_as_json(test: &Tested, sources: &Sources) -> Value {
    let got = match &test.failure {
        None => Some(test.expected),
        Some(Failure::Matches(matches)) => Some(*matches),
        Some(_) => None,
    };
    json!({
        "file": sources.name(test.span.source),
        "line": sources.position(test.span.source, test.span.start).line,
        "trace": test.recording,
        "passed": test.failure.is_none(),
        "expected": test.expected,
        "got": got,
        "why": test.failure.as_ref().map(|_| test.to_string()),
    })
}

/// All of it in numbers.
struct Summary {
    rules: usize,
    passed: usize,
    failed: usize,
    without_test: usize,
    off: usize,
    /// Traces that are not there and were left out.
    left_out: usize,
}

impl Summary {
    fn of(ran: &[Ran<'_>], left_out: usize) -> Summary {
        let tests = || ran.iter().flat_map(|rule| &rule.tested);
        Summary {
            rules: ran.len(),
            passed: tests().filter(|test| test.failure.is_none()).count(),
            failed: tests().filter(|test| test.failure.is_some()).count(),
            without_test: ran.iter().filter(|rule| rule.report.enabled && rule.rule.tests.is_empty()).count(),
            off: ran.iter().filter(|rule| !rule.report.enabled).count(),
            left_out,
        }
    }

    fn sentence(&self) -> String {
        let Summary { rules, passed, failed, without_test, off, left_out } = self;
        let left_out = match left_out {
            0 => String::new(),
            traces => {
                format!("; {traces} traces are not here and were left out: name their directory with --trace")
            }
        };
        format!(
            "{rules} rules: {passed} tests passed, {failed} failed; {without_test} rules without a test, {off} switched off{left_out}"
        )
    }

    fn json(&self, ran: &[Ran<'_>], sources: &Sources) -> Value {
        let rules: Vec<Value> = ran.iter().map(|rule| rule.json(sources)).collect();
        json!({
            "passed": self.passed,
            "failed": self.failed,
            "rules_without_test": self.without_test,
            "rules_off": self.off,
            "traces_left_out": self.left_out,
            "rules": rules,
        })
    }
}
