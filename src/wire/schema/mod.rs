//! What gVisor can send: message types, trace points, and the fields that a trace session may ask for, by release.
//!
//! One table (`table.rs`); the decoder is checked against it, and the trace session that rules need is made from it.
//! Compared with `runsc trace metadata` of December 2022 and September 2026.

mod table;

use std::fmt;

use super::MessageType;
use crate::event::Sysno;

/// A gVisor release, as far as traces differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Release {
    /// December 2022 to 2023 (Debian 12).
    R2022,
    /// July 2024 to spring 2026 (Debian 13).
    R2024,
    /// August 2026 and later.
    R2026,
}

impl Release {
    /// All of them, oldest first.
    pub const ALL: [Release; 3] = [Release::R2022, Release::R2024, Release::R2026];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Release::R2022 => "2022",
            Release::R2024 => "2024",
            Release::R2026 => "2026",
        }
    }

    /// The release of a year as the command line names it.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Release> {
        match name {
            "2022" => Some(Release::R2022),
            "2024" => Some(Release::R2024),
            "2026" => Some(Release::R2026),
            _ => None,
        }
    }

    /// Whether the exit of a raw call takes its context fields from the session's entry for the *enter* of the same
    /// call: a session that has the exit alone then gets events without any context.
    #[must_use]
    pub fn raw_exit_needs_enter(self) -> bool {
        self < Release::R2026
    }
}

/// A field that a session may ask for by name, and the releases that offer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionField {
    /// Its name in the session's configuration.
    pub name: &'static str,
    /// The first release that has it.
    pub since: Release,
    /// The last one.
    pub until: Release,
}

impl SessionField {
    /// Whether that release has the field.
    #[must_use]
    pub fn is_in(&self, release: Release) -> bool {
        (self.since..=self.until).contains(&release)
    }
}

/// One type of message.
#[derive(Clone, Copy, Debug)]
pub struct MessageSpec {
    /// Its number in the header.
    pub number: MessageType,
    /// gVisor's name of the number.
    pub name: &'static str,
    /// The first release that has it.
    pub since: Release,
    /// What sends it.
    pub source: Source,
}

/// What sends a message.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// A point of the sentry's own.
    Own(OwnPoint),
    /// System calls with points of their own.
    Calls(&'static [CallPoints]),
    /// Every other system call: points by number.
    Raw,
}

/// A point of the sentry's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnPoint {
    /// Its name in the session's configuration.
    pub name: &'static str,
    /// Its optional fields.
    pub optional: &'static [SessionField],
    /// Its context fields.
    pub context: &'static [SessionField],
}

/// The two points of a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallPoints {
    /// The call.
    pub sysno: Sysno,
    /// gVisor's name of it.
    pub name: &'static str,
    /// Its optional fields.
    pub optional: &'static [SessionField],
}

/// Which end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Its beginning.
    Enter,
    /// Its end, with the result.
    Exit,
}

impl Stage {
    /// Both, in their order.
    pub const ALL: [Stage; 2] = [Stage::Enter, Stage::Exit];

    /// The stage's name in the name of a point.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Stage::Enter => "enter",
            Stage::Exit => "exit",
        }
    }
}

/// One trace point. Shown, it is the name that a session's configuration has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The message that it sends.
    pub message: MessageType,
    /// Which point.
    pub kind: PointKind,
}

/// Which point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointKind {
    /// A point of the sentry's own.
    Own(OwnPoint),
    /// One end of a system call that has points of its own.
    Call(CallPoints, Stage),
    /// One end of a system call of which only the registers are sent.
    Raw(Sysno, Stage),
}

impl Point {
    /// The optional fields that the release offers for the point.
    pub fn optional_fields(&self, release: Release) -> impl Iterator<Item = &'static str> + use<> {
        let fields = match self.kind {
            PointKind::Own(own) => own.optional,
            PointKind::Call(call, _) => call.optional,
            PointKind::Raw(..) => &[],
        };
        fields.iter().filter(move |field| field.is_in(release)).map(|field| field.name)
    }

    /// The context fields that the release offers for the point.
    pub fn context_fields(&self, release: Release) -> impl Iterator<Item = &'static str> + use<> {
        let fields = match self.kind {
            PointKind::Own(own) => own.context,
            PointKind::Call(..) | PointKind::Raw(..) => table::CONTEXT,
        };
        fields.iter().filter(move |field| field.is_in(release)).map(|field| field.name)
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            PointKind::Own(own) => f.write_str(own.name),
            PointKind::Call(call, stage) => write!(f, "syscall/{}/{}", call.name, stage.name()),
            PointKind::Raw(sysno, stage) => write!(f, "syscall/sysno/{}/{}", sysno.0, stage.name()),
        }
    }
}

impl MessageSpec {
    /// The name without what all of them begin with: `SYSCALL_OPEN`.
    #[must_use]
    pub fn short_name(&self) -> &'static str {
        self.name.strip_prefix("MESSAGE_").unwrap_or(self.name)
    }
}

/// All message types, by number.
#[must_use]
pub fn messages() -> &'static [MessageSpec] {
    table::MESSAGES
}

/// The message type of that number.
#[must_use]
pub fn message(number: MessageType) -> Option<&'static MessageSpec> {
    let at = usize::from(number.0).checked_sub(1)?;
    table::MESSAGES.get(at)
}

/// All points of a release but the raw ones, in the order of the table.
pub fn points(release: Release) -> impl Iterator<Item = Point> {
    messages().iter().filter(move |message| message.since <= release).flat_map(|message| {
        let (own, calls) = match message.source {
            Source::Own(own) => (Some(own), [].as_slice()),
            Source::Calls(calls) => (None, calls),
            Source::Raw => (None, [].as_slice()),
        };
        let calls = calls.iter().flat_map(|call| Stage::ALL.map(|stage| PointKind::Call(*call, stage)));
        let kinds = own.map(PointKind::Own).into_iter().chain(calls);
        kinds.map(|kind| Point { message: message.number, kind })
    })
}

/// The point for one end of a system call: its own where the release has one, else the raw one, else none.
#[must_use]
pub fn call_point(sysno: Sysno, stage: Stage, release: Release) -> Option<Point> {
    let own = points(release)
        .find(|point| matches!(point.kind, PointKind::Call(call, at) if call.sysno == sysno && at == stage));
    own.or_else(|| raw_point(sysno, stage))
}

/// The raw point for one end of a system call, in every release that we know; none beyond [`Sysno::MAX_RAW`].
#[must_use]
pub fn raw_point(sysno: Sysno, stage: Stage) -> Option<Point> {
    (sysno <= Sysno::MAX_RAW).then_some(Point { message: table::RAW, kind: PointKind::Raw(sysno, stage) })
}

/// The point of the sentry's own with that name.
#[must_use]
pub fn own_point(name: &str, release: Release) -> Option<Point> {
    points(release).find(|point| matches!(point.kind, PointKind::Own(own) if own.name == name))
}

#[cfg(test)]
mod tests;
