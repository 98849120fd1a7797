//! Lines of logs into records: halves joined, threads named, times counted, logs of several threads merged.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::line::{Line, SECOND, Stamp, What};
use super::{Log, Summary};

/// Bytes of a line beyond which it is not read. The kernel takes arguments of 2 MiB (`MAX_ARG_STRLEN` times a few), but strace
/// cuts strings at 32 bytes unless told otherwise.
const MAX_LINE: usize = 1 << 20;

/// Where a log begins that does not say at what date: not at zero, which means unknown.
const FIRST_DAY: i64 = 86_400 * SECOND;

/// Between two lines of a log without times, in nanoseconds.
const NEXT_LINE: i64 = 1_000;

/// A thread where a log names none and nothing tells its id.
const LONE_THREAD: i32 = 1;

/// A call, or the end of a thread.
#[derive(Debug)]
pub(super) struct Record<'l> {
    pub(super) tid: i32,
    /// When the call began, in nanoseconds.
    pub(super) begin: i64,
    /// When it was over; as the beginning where that is not known.
    pub(super) end: i64,
    /// The line that it is on, the later one of two. Counts from 1.
    pub(super) line: usize,
    log: usize,
    pub(super) what: Happened<'l>,
}

#[derive(Debug)]
pub(super) enum Happened<'l> {
    /// A call, as text.
    Call(Cow<'l, [u8]>),
    /// A thread ended, with its wait status.
    Ended(i32),
}

/// Reads the logs.
pub(super) fn read<'l>(logs: &[Log<'l>], summary: &mut Summary) -> Vec<Record<'l>> {
    let mut records: Vec<Record<'l>> = Vec::new();
    let mut merged = true;
    for (number, log) in logs.iter().enumerate() {
        let mut reader = Reader::new(number, log, summary);
        reader.read();
        merged &= reader.clock.is_common || reader.records.is_empty();
        records.append(&mut reader.records);
    }
    if logs.len() > 1 {
        if !merged {
            summary.order_assumed = true;
            place(logs, &mut records);
        }
        // By the time at which each was over; what is over at once keeps the order of its log.
        records.sort_by_key(|record| (record.end, record.log, record.line));
    } else {
        records.sort_by_key(|record| record.line);
    }
    records
}

/// Without a common clock a thread's log begins when the call that made the thread ended: that is the earliest, and a
/// parent mostly waits for its child.
fn place(logs: &[Log<'_>], records: &mut [Record<'_>]) {
    let mut made: BTreeMap<i32, (usize, i64)> = BTreeMap::new();
    for record in records.iter() {
        if let Happened::Call(text) = &record.what
            && let Some(child) = super::threads::child_of(record, text)
        {
            let late = record.end.saturating_sub(FIRST_DAY);
            made.entry(child).or_insert((record.log, late));
        }
    }
    let offsets: Vec<i64> = (0..logs.len()).map(|log| offset(log, logs, &made)).collect();
    for record in records {
        let offset = offsets.get(record.log).copied().unwrap_or(0);
        record.begin = record.begin.saturating_add(offset);
        record.end = record.end.saturating_add(offset);
    }
}

/// By how much a log is late: the sum over the line of its ancestors, each of which is in a log that is late as well.
fn offset(log: usize, logs: &[Log<'_>], made: &BTreeMap<i32, (usize, i64)>) -> i64 {
    let mut whole = 0_i64;
    let mut log = log;
    // Ids that are used again could make a ring.
    for _ in 0..logs.len() {
        let tid = logs.get(log).and_then(|log| log.tid);
        let Some((parent, late)) = tid.and_then(|tid| made.get(&tid)) else { break };
        whole = whole.saturating_add(*late);
        log = *parent;
    }
    whole
}

/// Counts the time of one log.
#[derive(Debug)]
struct Clock {
    now: i64,
    of_day: i64,
    day: i64,
    /// Every line so far said when by a clock that other logs have too.
    is_common: bool,
}

impl Clock {
    fn at(&mut self, stamp: Option<Stamp>) -> i64 {
        match stamp {
            Some(Stamp::Epoch(nanos)) => self.now = nanos,
            Some(Stamp::OfDay(nanos)) => {
                // Back by half a day: midnight has passed.
                if nanos.saturating_add(43_200 * SECOND) < self.of_day {
                    self.day = self.day.saturating_add(86_400 * SECOND);
                }
                self.of_day = nanos;
                self.now = self.day.saturating_add(nanos);
            }
            Some(Stamp::Since(nanos)) => {
                self.is_common = false;
                self.now = self.now.saturating_add(nanos);
            }
            None => {
                self.is_common = false;
                self.now = self.now.saturating_add(NEXT_LINE);
            }
        }
        self.now
    }
}

/// The first half of a call.
struct Begun<'l> {
    text: &'l [u8],
    begin: i64,
    line: usize,
}

struct Reader<'l, 's> {
    number: usize,
    log: &'s Log<'l>,
    summary: &'s mut Summary,
    clock: Clock,
    /// The thread that is not named while it is the only one.
    first: i32,
    live: BTreeSet<i32>,
    begun: BTreeMap<i32, Begun<'l>>,
    records: Vec<Record<'l>>,
}

impl<'l, 's> Reader<'l, 's> {
    fn new(number: usize, log: &'s Log<'l>, summary: &'s mut Summary) -> Reader<'l, 's> {
        let first = log.tid.or_else(|| first_thread(log.text)).unwrap_or(LONE_THREAD);
        Reader {
            number,
            log,
            summary,
            clock: Clock { now: FIRST_DAY, of_day: 0, day: FIRST_DAY, is_common: true },
            first,
            live: BTreeSet::from([first]),
            begun: BTreeMap::new(),
            records: Vec::new(),
        }
    }

    fn read(&mut self) {
        for (at, text) in lines(self.log.text).enumerate() {
            let number = at.saturating_add(1);
            self.summary.lines = self.summary.lines.saturating_add(1);
            match (text.len() <= MAX_LINE).then(|| Line::read(text)).flatten() {
                Some(line) => self.line(number, line),
                None => self.summary.unread(number),
            }
        }
        // What never came back: it blocked, or its thread was killed.
        for (tid, begun) in std::mem::take(&mut self.begun) {
            let mut text = begun.text.trim_ascii_end().to_vec();
            if text.last() == Some(&b',') {
                text.pop();
            }
            text.push(b')');
            self.push(tid, begun.begin, begun.begin, begun.line, Happened::Call(Cow::Owned(text)));
        }
    }

    fn line(&mut self, number: usize, line: Line<'l>) {
        if line.what == What::Remark {
            return;
        }
        let now = self.clock.at(line.stamp);
        let tid = line.tid.unwrap_or_else(|| self.unnamed());
        self.live.insert(tid);
        match line.what {
            What::Call(text) => {
                let end = now.saturating_add(super::line::took(text).unwrap_or(0));
                if line.stamp.is_none() {
                    self.clock.now = self.clock.now.max(end);
                }
                self.push(tid, now, end, number, Happened::Call(Cow::Borrowed(text)));
            }
            What::Unfinished(text) => {
                self.begun.insert(tid, Begun { text, begin: now, line: number });
            }
            What::Resumed { name, rest } => match self.begun.remove(&tid) {
                Some(begun) if begun.text.starts_with(name) => {
                    let text = [begun.text, rest].concat();
                    self.push(tid, begun.begin, now, number, Happened::Call(Cow::Owned(text)));
                }
                // Its first half is not in the log.
                Some(_) | None => self.summary.unread(number),
            },
            What::Ended(status) => {
                self.live.remove(&tid);
                self.push(tid, now, now, number, Happened::Ended(status));
            }
            What::Signal | What::Remark => {}
        }
    }

    /// strace names threads only while there are several.
    fn unnamed(&self) -> i32 {
        match (self.log.tid, self.live.first()) {
            (Some(tid), _) => tid,
            (None, Some(only)) if self.live.len() == 1 => *only,
            (None, _) => self.first,
        }
    }

    fn push(&mut self, tid: i32, begin: i64, end: i64, line: usize, what: Happened<'l>) {
        self.records.push(Record { tid, begin, end, line, log: self.number, what });
    }
}

/// The first thread's id where strace leaves it out at the beginning: the first one that is named though no call made
/// it.
fn first_thread(text: &[u8]) -> Option<i32> {
    let mut made = BTreeSet::new();
    for line in lines(text).filter(|line| line.len() <= MAX_LINE) {
        let Some(line) = Line::read(line) else { continue };
        let text = match line.what {
            What::Call(text) | What::Resumed { rest: text, .. } | What::Unfinished(text) => text,
            What::Ended(_) | What::Signal => b"",
            What::Remark => continue,
        };
        if let Some(tid) = line.tid.filter(|tid| !made.contains(tid)) {
            return Some(tid);
        }
        if let Some(child) = child(text) {
            made.insert(child);
        }
    }
    None
}

/// The result of a call, if it can be a thread's id.
fn child(text: &[u8]) -> Option<i32> {
    let at = text.windows(2).rposition(|pair| pair == b"= ")?;
    let digits = text.get(at.checked_add(2)?..)?;
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(digits.get(..count)?).ok()?.parse().ok().filter(|tid| *tid > 1)
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
}
