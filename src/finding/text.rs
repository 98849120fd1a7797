//! A finding as the story that an operator reads: what happened in the order of time, relative to the first step,
//! who did it with what arguments, where the bytes came from, and why the score crossed its threshold.
//!
//! Everything that the workload chose is escaped: it cannot write to the terminal or break a line.

use std::fmt::{self, Write as _};

use crate::event::Text;

use super::{Deed, File, Finding, Process, Remote, Step, Written};

/// Arguments of a command that a story shows, in characters: the beginning tells what it is.
const SHOWN_COMMAND: usize = 160;

/// The story, several lines, ending with a line feed.
#[must_use]
pub fn story(finding: &Finding) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _written = write_story(&mut out, finding);
    out
}

fn write_story(out: &mut String, finding: &Finding) -> fmt::Result {
    let severity = finding.severity.name().to_uppercase();
    let trial = if finding.shadow { " (on trial)" } else { "" };
    let retro = if finding.retrospective { " (in retrospect)" } else { "" };
    writeln!(out, "{severity}{trial}{retro}  {} [{}]", finding.rule.name, finding.rule.id)?;
    let verified = if finding.container.verified { "verified" } else { "as claimed" };
    write!(out, "  container  {} ({verified})", Text(&finding.container.id))?;
    for (key, label) in &finding.container.labels {
        write!(out, " {}={}", Text(key.as_bytes()), Text(label.as_bytes()))?;
    }
    writeln!(out)?;
    writeln!(out, "  process    {}", Who(&finding.process))?;
    writeln!(out, "             {}", Command(&finding.process))?;
    if !finding.process.ancestors.is_empty() {
        write!(out, "             started by")?;
        for (at, ancestor) in finding.process.ancestors.iter().enumerate() {
            let arrow = if at > 0 { " ←" } else { "" };
            write!(out, "{arrow} {} ({})", Text(&ancestor.name), ancestor.pid)?;
        }
        writeln!(out)?;
    }
    let (before, after) = (finding.score.before, finding.score.after);
    match finding.score.threshold {
        Some(threshold) => writeln!(
            out,
            "  score      {} → {}: at or above {threshold}, the threshold of {}",
            Points(before),
            Points(after),
            finding.severity.name()
        )?,
        None => writeln!(out, "  score      {} (this rule adds none)", Points(after))?,
    }
    write_timeline(out, finding)?;
    writeln!(out, "  why")?;
    for matched in &finding.matches {
        let points = Points(matched.points).to_string();
        writeln!(out, "    {:>5}  {}: {}", format!("+{points}"), matched.rule.id, matched.output)?;
    }
    write_coverage(out, finding)
}

/// One line of the timeline.
struct Moment {
    time_ns: i64,
    line: String,
    detail: Option<String>,
}

fn write_timeline(out: &mut String, finding: &Finding) -> fmt::Result {
    let mut moments = Vec::new();
    for (_, step) in finding.steps() {
        for moment in moments_of(step) {
            // Several rules tell the same download; once is enough.
            if !moments
                .iter()
                .any(|known: &Moment| known.line == moment.line && known.time_ns == moment.time_ns)
            {
                moments.push(moment);
            }
        }
    }
    moments.sort_by_key(|moment| moment.time_ns);
    let first = moments.first().map_or(finding.time_ns, |moment| moment.time_ns);
    writeln!(out, "  what happened, from {}", Utc(first))?;
    for moment in &moments {
        writeln!(out, "    {:>9}  {}", Since(moment.time_ns.saturating_sub(first)).to_string(), moment.line)?;
        if let Some(detail) = &moment.detail {
            writeln!(out, "               {detail}")?;
        }
    }
    Ok(())
}

/// A step and what led to it.
fn moments_of(step: &Step) -> Vec<Moment> {
    let mut moments = Vec::new();
    let who = Who(&step.process).to_string();
    let line = match &step.deed {
        Deed::Ran(file) => {
            push_origin(&mut moments, file);
            // What is run from standard input was never a file.
            let from = match &file.remote {
                Some(fetched) if file.origin == "network" && file.chain.is_empty() => {
                    format!(" with bytes from {} by way of {}", fetched.addr, Who(&fetched.by))
                }
                Some(_) | None => String::new(),
            };
            format!("{who} ran {}{from}", Text(&file.path))
        }
        Deed::Touched(file) => {
            push_origin(&mut moments, file);
            match step.event {
                "chmod" | "fchmod" | "fchmodat" => format!("{who} changed the mode of {}", Text(&file.path)),
                "open" | "openat" | "creat" if step.failed => {
                    format!("{who} looked for {}", Text(&file.path))
                }
                "open" | "openat" | "creat" | "memfd_create" => format!("{who} opened {}", Text(&file.path)),
                "mapexec" | "mmap" => format!("{who} runs code of {}", Text(&file.path)),
                event => format!("{who} {event} {}", Text(&file.path)),
            }
        }
        Deed::Network(remote) => network_line(&who, step, remote),
        Deed::Gpu { state, ioctls } => format!("{who} has the GPU {state} after {ioctls} ioctls"),
        Deed::Nothing { span_ns } => {
            let what = step.name.as_deref().unwrap_or("what was waited for");
            format!("{what} did not happen within {}", Since(*span_ns))
        }
        Deed::Other if step.event == "mmap" => format!("{who} asked for memory"),
        Deed::Other => format!("{who} {}", step.event),
    };
    let hits: Vec<String> = step
        .indicators
        .iter()
        .map(|hit| {
            format!("{} is on {} as {}", Text(&hit.what), Text(hit.source.as_bytes()), hit.tags.join(", "))
        })
        .collect();
    let command = matches!(step.deed, Deed::Ran(_)).then(|| Command(&step.process).to_string());
    let detail = command.into_iter().chain(hits).collect::<Vec<_>>();
    let detail = (!detail.is_empty()).then(|| detail.join("; "));
    moments.push(Moment { time_ns: step.since_ns, line, detail });
    moments
}

fn network_line(who: &str, step: &Step, remote: &Remote) -> String {
    match step.event {
        "connect" if step.count > 1 => {
            let span = Since(step.time_ns.saturating_sub(step.since_ns));
            let failed =
                if remote.failures > 0 { format!(", {} failed", remote.failures) } else { String::new() };
            format!("{who} connected {} times to {} within {span}{failed}", step.count, remote.addr)
        }
        "connect" => format!("{who} connected to {}", remote.addr),
        "accept" | "accept4" => format!("{who} accepted a connection from {}", remote.addr),
        "dup" | "dup2" | "dup3" | "fcntl" => {
            format!("{who} put its connection to {} on a standard descriptor", remote.addr)
        }
        event => match remote.period_ns {
            Some(period) if remote.sends > 1 => format!(
                "{who} keeps sending to {}: {} messages, one every {}",
                remote.addr,
                remote.sends,
                Since(period)
            ),
            Some(_) | None => format!("{who} {event} with {}", remote.addr),
        },
    }
}

/// How a file came to be, as moments of their own.
fn push_origin(moments: &mut Vec<Moment>, file: &File) {
    let mut from = String::new();
    if let Some(fetched) = &file.remote {
        moments.push(Moment {
            time_ns: fetched.time_ns,
            line: format!("{} connected to {}", Who(&fetched.by), fetched.addr),
            detail: Some(Command(&fetched.by).to_string()),
        });
        from = format!(" with bytes from {}", fetched.addr);
        // Through a pipe, or because a child inherited what its parent had.
        if file.chain.last().is_some_and(|first| first.by.pid != fetched.by.pid) {
            from.push_str(&format!(" by way of {}", Who(&fetched.by)));
        }
    }
    for (at, written) in file.chain.iter().enumerate().rev() {
        if let Some(earlier) = file.chain.get(at.saturating_add(1)) {
            from = format!(" from {}", Text(&earlier.path));
        }
        let wrote = match written {
            Written { built: true, .. } => "built",
            Written { installed: true, .. } => "installed",
            Written { .. } => "wrote",
        };
        moments.push(Moment {
            time_ns: written.time_ns,
            line: format!("{} {wrote} {}{from}", Who(&written.by), Text(&written.path)),
            detail: None,
        });
    }
}

fn write_coverage(out: &mut String, finding: &Finding) -> fmt::Result {
    let coverage = &finding.coverage;
    write!(out, "  sight      ")?;
    if coverage.partial {
        write!(
            out,
            "partial: {} dropped, {} undecodable, {} too large, {} without a process",
            coverage.dropped, coverage.undecodable, coverage.truncated, coverage.unattributed
        )?;
    } else {
        write!(out, "nothing lost")?;
    }
    for (count, what) in [
        (coverage.unseen_execs, "programs run without a word"),
        (coverage.unseen_connects, "connects without an end"),
        (coverage.args_changed, "arguments changed under way"),
        (coverage.time_jumps, "jumps of the clock"),
    ] {
        if count > 0 {
            write!(out, ", {count} {what}")?;
        }
    }
    if coverage.evictions > 0 {
        write!(out, ", {} forgotten", coverage.evictions)?;
        let kinds = coverage.forgotten.by_kind().into_iter().filter(|(_, count)| *count > 0);
        for (at, (kind, count)) in kinds.enumerate() {
            let before = if at == 0 { ": " } else { ", " };
            write!(out, "{before}{count} {kind}")?;
        }
    }
    writeln!(
        out,
        "; rules {}, lists {}; finding {}",
        finding.versions.rules, finding.versions.intel, finding.id
    )
}

/// A process by name and id.
struct Who<'a>(&'a Process);

impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.name.is_empty() {
            write!(f, "an unknown program ({})", self.0.pid)
        } else {
            write!(f, "{} ({})", Text(&self.0.name), self.0.pid)
        }
    }
}

/// A process's arguments, quoted where a shell would need it, cut where nobody reads on.
pub(super) struct Command<'a>(pub(super) &'a Process);

impl fmt::Display for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = String::new();
        for arg in &self.0.argv {
            if !line.is_empty() {
                line.push(' ');
            }
            let plain = !arg.is_empty()
                && arg.iter().all(|byte| byte.is_ascii_graphic() && !b"'\"\\$`;|&()<>*".contains(byte));
            if plain { write!(line, "{}", Text(arg))? } else { write!(line, "'{}'", Text(arg))? }
        }
        if line.is_empty() {
            return f.write_str("arguments not known");
        }
        match line.char_indices().nth(SHOWN_COMMAND) {
            Some((at, _)) => write!(f, "{}…", line.get(..at).unwrap_or_default()),
            None if self.0.argv_cut => write!(f, "{line} …"),
            None => f.write_str(&line),
        }
    }
}

/// Hundredths of a point.
struct Points(u64);

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 % 100 {
            0 => write!(f, "{}", self.0 / 100),
            rest => write!(f, "{}.{:02}", self.0 / 100, rest),
        }
    }
}

/// A span of time in nanoseconds, to the millisecond.
struct Since(i64);

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.saturating_abs() / 1_000_000;
        let sign = if self.0 < 0 { "-" } else { "" };
        let (secs, millis) = (millis / 1000, millis % 1000);
        match (secs / 3600, secs / 60 % 60, secs % 60) {
            (0, 0, secs) => write!(f, "{sign}{secs}.{millis:03}s"),
            (0, mins, secs) => write!(f, "{sign}{mins}m{secs:02}.{millis:03}s"),
            (hours, mins, secs) => write!(f, "{sign}{hours}h{mins:02}m{secs:02}s"),
        }
    }
}

/// A point in time, in nanoseconds since 1970, as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug)]
pub struct Utc(pub i64);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.0.div_euclid(1_000_000_000);
        let (days, secs) = (secs.div_euclid(86_400), secs.rem_euclid(86_400));
        let (year, month, day) = civil(days);
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", secs / 3600, secs / 60 % 60, secs % 60)
    }
}

/// The same with the nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct UtcNanos(pub i64);

impl fmt::Display for UtcNanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = Utc(self.0).to_string();
        write!(f, "{}.{:09}Z", whole.trim_end_matches('Z'), self.0.rem_euclid(1_000_000_000))
    }
}

/// The date of a day counted from 1970-01-01, in the proleptic Gregorian calendar: years of 400 have 146,097 days,
/// and a year that begins in March has its odd day at its end.
fn civil(days: i64) -> (i64, i64, i64) {
    // An i64 of nanoseconds holds 292 years around 1970, so none of this comes near overflow.
    let days = days.saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let leap_days =
        (day_of_era / 1_460).saturating_sub(day_of_era / 36_524).saturating_add(day_of_era / 146_096);
    let year_of_era = day_of_era.saturating_sub(leap_days) / 365;
    let days_before =
        year_of_era.saturating_mul(365).saturating_add(year_of_era / 4).saturating_sub(year_of_era / 100);
    let day_of_year = day_of_era.saturating_sub(days_before);
    let from_march = day_of_year.saturating_mul(5).saturating_add(2) / 153;
    let day =
        day_of_year.saturating_sub(from_march.saturating_mul(153).saturating_add(2) / 5).saturating_add(1);
    let month = if from_march < 10 { from_march.saturating_add(3) } else { from_march.saturating_sub(9) };
    let year = era.saturating_mul(400).saturating_add(year_of_era).saturating_add(i64::from(month <= 2));
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (secs, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_795_562_729, "2026-11-24T23:25:29Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            // 2000-02-29 lies between the second and the third.
            assert_eq!(Utc(secs * 1_000_000_000).to_string(), expected);
        }
    }

    #[test]
    fn a_time_with_nanoseconds_has_all_nine_digits() {
        assert_eq!(UtcNanos(1_000_000_042).to_string(), "1970-01-01T00:00:01.000000042Z");
        assert_eq!(UtcNanos(-1).to_string(), "1969-12-31T23:59:59.999999999Z");
    }

    #[test]
    fn spans_are_read_at_a_glance() {
        for (nanos, expected) in [
            (0, "0.000s"),
            (1_500_000_000, "1.500s"),
            (61_000_000_000, "1m01.000s"),
            (7_265_000_000_000, "2h01m05s"),
        ] {
            assert_eq!(Since(nanos).to_string(), expected);
        }
    }
}
