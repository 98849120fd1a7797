//! Who acts when: each operation gets a time and a process, and becomes an event.

use crate::event::{CloneFlags, Context, Credentials, Event, Nanos, Text, Tgid, Tid, Time, Uid};

use super::naive::{Ix, Naive};
use super::ops::{Act, Op};
use super::words::{Session, session};

/// A clone that happened and is not reported yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unreported {
    pub(super) parent: Ix,
    pub(super) tgid: Tgid,
    pub(super) start: Time,
    pub(super) flags: CloneFlags,
}

/// What the events are made from beside the model: the clock and the clones that are still to be reported.
#[derive(Debug)]
pub(super) struct Player {
    now: Time,
    starts: i64,
    unreported: Vec<Unreported>,
    pub(super) path: Vec<u8>,
    /// The containers of this run.
    sessions: &'static [Session],
}

/// Processes that live at once, about: the run stays a busy container and becomes no fork bomb.
const CROWD: usize = 24;

/// So many of them act half of the time.
const YOUNG: usize = 4;

pub(super) fn pick<T: Copy>(of: &[T], with: u8) -> T {
    of[usize::from(with) % of.len()]
}

impl Player {
    pub(super) fn new(sessions: &'static [Session]) -> Player {
        Player {
            now: Time(1_700_000_000_000_000_000),
            starts: 0,
            unreported: Vec::new(),
            path: Vec::new(),
            sessions,
        }
    }

    /// The event that `op` becomes.
    pub(super) fn event<'a>(&'a mut self, op: Op, model: &Naive) -> Event<'a> {
        let time = self.time(op.pause);
        let living: Vec<Ix> =
            (0..model.processes.len()).filter(|ix| model.processes[*ix].exited.is_none()).collect();
        let mut op = op;
        match op.act {
            Act::Fork | Act::EarlyChild if living.len() > CROWD => op.act = Act::Exit,
            Act::Exit if living.len() < 4 => op.act = Act::Fork,
            _ => {}
        }
        let early = (op.act == Act::EarlyChild).then(|| self.early_child(op, &living, model)).flatten();
        let late = if op.act == Act::LateClone && !self.unreported.is_empty() {
            Some(self.unreported.remove(usize::from(op.a) % self.unreported.len()))
        } else {
            None
        };
        let who = match (early, late, op.who) {
            (Some(child), ..) => return self.first_event(op, child, time, model),
            (None, Some(late), _) => Some(late.parent),
            // Now and then someone acts who is gone, or whom nobody knows.
            (None, None, 246..=250) => (!model.processes.is_empty())
                .then(|| usize::from(op.a) % model.processes.len())
                .filter(|ix| !model.processes[*ix].gone),
            (None, None, 251..=255) => None,
            // Half of the time one of the youngest: a story needs a few who do one thing after another.
            (None, None, who @ 0..=127) => {
                living.iter().rev().take(YOUNG).nth(usize::from(who) % YOUNG).copied()
            }
            (None, None, who) => (!living.is_empty()).then(|| living[usize::from(who) % living.len()]),
        };
        let Some(who) = who else {
            let session = pick(self.sessions, op.b);
            let tgid = Tgid(1 + i32::from(op.c) % 60);
            let context = Context {
                time,
                tid: Tid(tgid.0),
                tgid,
                start: if session.starts { self.new_start() } else { Time(0) },
                container: Text(session.container),
                comm: Text(if session.comm { b"stranger" } else { b"" }),
                ..Context::default()
            };
            return self.acts(op, context, None, None, model);
        };
        // Where nobody says when processes start, it is the newest bearer of the id that acts.
        let bearer = &model.processes[who];
        let who = model.find(bearer.container, bearer.tgid, bearer.start).unwrap_or(who);
        let mut context = context_of(who, time, op, model);
        // A tgid of 0 is what a session without context fields leaves.
        if op.act == Act::NoContext && op.a > 127 {
            context.tgid = Tgid(0);
        }
        self.acts(op, context, Some(who), late, model)
    }

    /// Mostly a few milliseconds; threads report late, clocks lie now and then.
    fn time(&mut self, pause: u8) -> Time {
        let step = |millis| Nanos::from_millis(millis);
        match pause {
            0..=199 => self.now = self.now.after(step(i64::from(pause) / 8)),
            200..=239 => self.now = self.now.after(step(i64::from(pause) * 20)),
            240..=251 => return self.now.after(step(-i64::from(pause - 239) * 5)),
            252 => return Time(0),
            253 => return Time(-5),
            254 => return Time(i64::MAX),
            255 => self.now = self.now.after(Nanos::from_mins(600)),
        }
        self.now
    }

    pub(super) fn new_start(&mut self) -> Time {
        self.starts += 1;
        Time(1_600_000_000_000_000_000 + self.starts)
    }

    /// An id that no living process of the container bears: new or reused.
    pub(super) fn free_tgid(container: Ix, with: u8, model: &Naive) -> Tgid {
        let taken = |tgid: i32| {
            model
                .processes
                .iter()
                .any(|one| one.container == container && one.tgid.0 == tgid && one.exited.is_none())
        };
        let first = 2 + i32::from(with) % 60;
        Tgid((first..first + 5000).find(|tgid| !taken(*tgid)).unwrap_or(first))
    }

    pub(super) fn clone_flags(with: u8) -> CloneFlags {
        match with % 8 {
            0 => CloneFlags::FILES,
            1 => CloneFlags::VM | CloneFlags::VFORK,
            2 => CloneFlags::FILES | CloneFlags::VM | CloneFlags::VFORK,
            _ => CloneFlags::empty(),
        }
    }

    fn early_child(&mut self, op: Op, living: &[Ix], model: &Naive) -> Option<Unreported> {
        let parent = *living.get(usize::from(op.who) % living.len().max(1))?;
        let container = model.processes[parent].container;
        let session = session(&model.containers[container].id);
        let tgid = Self::free_tgid(container, op.a, model);
        let start = if session.starts { self.new_start() } else { Time(0) };
        let child = Unreported { parent, tgid, start, flags: Self::clone_flags(op.b) };
        self.unreported.push(child);
        Some(child)
    }

    fn first_event<'a>(&'a mut self, op: Op, child: Unreported, time: Time, model: &Naive) -> Event<'a> {
        let parent = &model.processes[child.parent];
        let said = session(&model.containers[parent.container].id);
        let context = Context {
            time,
            tid: Tid(child.tgid.0),
            tgid: child.tgid,
            start: child.start,
            container: Text(said.container),
            parent: if said.parents { parent.tgid } else { Tgid(0) },
            ..Context::default()
        };
        let act = match op.c % 8 {
            0 => Act::Open,
            1 => Act::Socket,
            2 => Act::Pipe,
            3 => Act::Exec,
            4 => Act::Dup,
            5 => Act::Chdir,
            6 => Act::Close,
            _ => Act::OtherCall,
        };
        self.acts(Op { act, ..op }, context, None, None, model)
    }
}

fn context_of(who: Ix, time: Time, op: Op, model: &Naive) -> Context<'static> {
    let process = &model.processes[who];
    let session = session(&model.containers[process.container].id);
    let thread = if op.d.is_multiple_of(5) { 5000 + i32::from(op.d) } else { process.tgid.0 };
    let parent = process.ancestors.first().map_or(Tgid(0), |parent| parent.tgid);
    Context {
        time,
        tid: Tid(thread),
        tgid: process.tgid,
        start: process.start,
        container: Text(session.container),
        credentials: session
            .credentials
            .then(|| Credentials { effective_uid: Uid(u32::from(op.d % 3)), ..Credentials::default() }),
        comm: Text(if session.comm {
            pick(&[&b"sh"[..], b"worker", b"a name of sixteen"], op.c)
        } else {
            b""
        }),
        cwd: Text(if op.c % 16 == 1 { pick(&[&b"/tmp"[..], b"/srv"], op.d) } else { b"" }),
        parent: if session.parents { parent } else { Tgid(0) },
        ..Context::default()
    }
}
