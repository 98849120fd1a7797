//! A script: the events of its lines, ready to be lent out, and what its annotations expect.

use std::sync::Arc;

use super::error::{ScriptError, ScriptErrorKind};
use super::events;
use super::words::{Keys, Word, span, words};
use super::world::World;
use crate::event::{
    Call, ContainerStart, Context, Event, Execve, Fd, Kind, ModeBits, Nanos, Open, OpenFlags, SentryExecve,
    SentryMmap, Text, Texts, Tgid, Tid, Time,
};
use crate::finding::Severity;

/// Events that a script makes at most, those that it makes by itself included: a test is read by people.
pub const MAX_EVENTS: usize = 100_000;

/// The bytes of a script at most.
pub const MAX_SCRIPT: usize = 1 << 20;

/// When a script's `0s` is: some time, since 0 would mean that the sentry did not say.
pub const BEGIN: Time = Time(1_700_000_000_000_000_000);

/// A script of events. The module's documentation has its language.
#[derive(Clone, Debug, Default)]
pub struct Script {
    pub(super) made: Vec<Made>,
    pub(super) expected: Vec<Expected>,
    /// The text of each line that has events, for showing.
    pub(super) lines: Vec<(usize, String)>,
}

/// An event as a script keeps it: what an [`Event`] borrows, it owns.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) line: usize,
    pub(super) time: Time,
    pub(super) pid: i32,
    pub(super) tid: i32,
    pub(super) start: Time,
    pub(super) container: Arc<[u8]>,
    pub(super) comm: Arc<[u8]>,
    pub(super) deed: Deed,
}

/// What was done.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    /// Something that has no text in it.
    Plain(Box<Kind<'static>>),
    /// `container/start`
    Start { id: Arc<[u8]>, argv: Vec<u8> },
    /// `sentry/execve`
    Exec {
        path: Vec<u8>,
        argv: Vec<u8>,
        given: Vec<u8>,
        layer: Layer,
        in_memfd: bool,
        sha256: Option<[u8; 32]>,
    },
    /// execve(2) as called.
    Ask { call: Call, fd: Option<Fd>, path: Vec<u8>, argv: Vec<u8> },
    /// open(2), openat(2), creat(2)
    Open { call: Call, dirfd: Fd, path: Vec<u8>, flags: OpenFlags, mode: ModeBits },
    /// `sentry/mmap`
    Map { path: Vec<u8> },
    /// chdir(2)
    Chdir { call: Call, path: Vec<u8> },
}

/// Where an executable lies, as far as the sentry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// It does not say.
    Unsaid,
    /// In the image.
    Lower,
    /// Above it: written in the container.
    Upper,
}

/// What an annotation expects of the line above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    /// Of which line.
    pub(super) line: usize,
    pub(super) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A match of a rule, with the points that it adds and what it says.
    Match { rule: String, points: Option<String>, says: Option<String> },
    /// A finding, crossed by a rule.
    Finding { severity: Severity, rule: Option<String> },
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// What is wrong first, with its place and its mend.
    pub fn parse(text: &str) -> Result<Script, ScriptError> {
        let mut script = Script::default();
        if text.len() > MAX_SCRIPT {
            let kind = ScriptErrorKind::TooLong { what: "bytes", max: MAX_SCRIPT };
            return Err(ScriptError { line: 1, column: 1, kind });
        }
        let mut world = World::default();
        let mut above = None;
        for (line, number) in text.lines().zip(1usize..) {
            let trimmed = line.trim();
            if let Some(annotation) = trimmed.strip_prefix("#^") {
                let column = line.chars().take_while(|c| c.is_whitespace()).count().saturating_add(1);
                let fail = |kind| ScriptError { line: number, column, kind };
                let line = above.ok_or_else(|| fail(ScriptErrorKind::NothingAbove))?;
                script.expected.push(Expected { line, what: annotated(annotation).map_err(fail)? });
            } else if !trimmed.is_empty() && !trimmed.starts_with('#') {
                above = Some(number);
                script.lines.push((number, trimmed.to_owned()));
                script.line(&mut world, line, number)?;
            }
        }
        Ok(script)
    }

    /// The events in their order.
    pub fn events(&self) -> impl Iterator<Item = Event<'_>> {
        self.made.iter().map(Made::event)
    }

    fn line(&mut self, world: &mut World, text: &str, line: usize) -> Result<(), ScriptError> {
        let mut words = words(text, line)?.into_iter();
        let Some(first) = words.next() else { return Ok(()) };
        let fail = |column, kind| ScriptError { line, column, kind };
        let time = match (&first.value, span(&first.name)) {
            (None, Some(time)) => BEGIN.after(time),
            (Some(_) | None, _) => return Err(fail(first.column, ScriptErrorKind::BadTime(first.name))),
        };
        let mut head = Vec::new();
        let mut event: Option<Word> = None;
        for word in words.by_ref() {
            if word.value.is_none() {
                event = Some(word);
                break;
            }
            head.push(word);
        }
        let end = text.chars().count();
        let event = event.ok_or_else(|| fail(end, ScriptErrorKind::NoEvent))?;
        let mut head = Keys::new(line, first.column, head)?;
        let no_process = || fail(first.column, ScriptErrorKind::NoProcess);
        let pid = head.int("pid")?.ok_or_else(no_process)?;
        let (parent, tid) = (head.int("parent")?, head.int("tid")?);
        let (container, comm) = (head.bytes("container"), head.bytes("comm"));
        let times = head.number("times")?.map_or(1, |times| usize::try_from(times).unwrap_or(0));
        let every = head.span("every")?.unwrap_or(Nanos::ZERO);
        head.finish()?;
        let keys = words.collect::<Vec<_>>();
        let starts = event.name == "container";
        let mut time = time;
        world
            .at(line, time, &mut self.made)
            .introduce(pid, parent, container, starts)
            .map_err(|kind| fail(first.column, kind))?;
        for _ in 0..times {
            let mut keys = Keys::new(line, event.column, keys.clone())?;
            let mut moment = world.at(line, time, &mut self.made);
            moment.call_it(pid, tid.unwrap_or(pid), comm.as_deref());
            if !events::make(&event.name, pid, &mut moment, &mut keys)? {
                return Err(fail(event.column, ScriptErrorKind::UnknownEvent(event.name)));
            }
            keys.finish()?;
            if self.made.len() > MAX_EVENTS {
                return Err(fail(first.column, ScriptErrorKind::TooLong { what: "events", max: MAX_EVENTS }));
            }
            time = time.after(every);
        }
        Ok(())
    }
}

/// `RULE-ID [+POINTS] [text]` or `finding SEVERITY [RULE-ID]`.
fn annotated(annotation: &str) -> Result<What, ScriptErrorKind> {
    let mut words = annotation.split_whitespace();
    let first = words.next().unwrap_or("");
    let bad = |key: &str, value: &str, expected| {
        Err(ScriptErrorKind::BadValue { key: key.to_owned(), value: value.to_owned(), expected })
    };
    if first == "finding" {
        let severity = match words.next() {
            Some("notice") => Severity::Notice,
            Some("alert") => Severity::Alert,
            Some("kill") => Severity::Kill,
            other => return bad("finding", other.unwrap_or(""), "`notice`, `alert` or `kill`"),
        };
        return Ok(What::Finding { severity, rule: words.next().map(str::to_owned) });
    }
    if first.is_empty() {
        return bad("#^", "", "the id of the rule that matches");
    }
    let rest: Vec<&str> = words.collect();
    let (points, says) = match rest.split_first() {
        Some((points, says)) if points.starts_with('+') => {
            let points = points.trim_start_matches('+');
            if points.parse::<f64>().is_err() {
                return bad("points", points, "points such as `+30`");
            }
            (Some(points.to_owned()), says)
        }
        Some(_) | None => (None, rest.as_slice()),
    };
    let says = (!says.is_empty()).then(|| says.join(" "));
    Ok(What::Match { rule: first.to_owned(), points, says })
}

impl Made {
    /// The event, borrowed.
    pub(super) fn event(&self) -> Event<'_> {
        let context = Context {
            time: self.time,
            tid: Tid(self.tid),
            thread_start: self.start,
            tgid: Tgid(self.pid),
            start: self.start,
            container: Text(&self.container),
            comm: Text(&self.comm),
            ..Context::default()
        };
        let kind = match &self.deed {
            Deed::Plain(kind) => Kind::clone(kind),
            Deed::Start { id, argv } => Kind::ContainerStart(ContainerStart {
                id: Text(id),
                args: packed(argv),
                ..ContainerStart::default()
            }),
            Deed::Exec { path, argv, given, layer, in_memfd, sha256 } => Kind::SentryExecve(SentryExecve {
                binary_path: Text(path),
                argv: packed(argv),
                execfn: Text(given),
                overlay_lower: *layer == Layer::Lower,
                overlay_upper: *layer == Layer::Upper,
                in_memfd: *in_memfd,
                sha256: sha256.as_ref().map_or(&[], |digest| digest),
                ..SentryExecve::default()
            }),
            Deed::Ask { call, fd, path, argv } => {
                /// `AT_EMPTY_PATH`, `include/uapi/linux/fcntl.h`
                const AT_EMPTY_PATH: u32 = 0x1000;
                Kind::Execve(Execve {
                    call: *call,
                    dirfd: fd.unwrap_or(Fd::CWD),
                    pathname: Text(path),
                    argv: packed(argv),
                    flags: if fd.is_some() { AT_EMPTY_PATH } else { 0 },
                    ..Execve::default()
                })
            }
            Deed::Open { call, dirfd, path, flags, mode } => Kind::Open(Open {
                call: *call,
                dirfd: *dirfd,
                pathname: Text(path),
                flags: *flags,
                mode: *mode,
                ..Open::default()
            }),
            Deed::Map { path } => Kind::SentryMmap(SentryMmap { path: Text(path), ..SentryMmap::default() }),
            Deed::Chdir { call, path } => {
                Kind::Chdir(crate::event::Chdir { call: *call, pathname: Text(path), ..Default::default() })
            }
        };
        Event { context: Some(context), kind }
    }
}

/// Texts that each end with a NUL.
fn packed(bytes: &[u8]) -> Texts<'_> {
    fn next(bytes: &[u8]) -> Option<(Text<'_>, &[u8])> {
        let end = bytes.iter().position(|byte| *byte == 0)?;
        let (text, rest) = bytes.split_at_checked(end)?;
        Some((Text(text), rest.get(1..)?))
    }
    Texts::in_message(bytes, next)
}
