//! What the engine remembers of a sandbox at one moment of a trace: the ground on which its findings stand.
//!
//! The packets go through the same [`Sandbox`] that replay and the daemon use; what it remembers in the end is copied
//! into a plain model and shown whole, as text for an operator or as one JSON document.

mod copy;
mod model;
mod text;

use std::io::{self, Write};
use std::sync::Arc;

use sluicebox::engine::Sandbox;
use sluicebox::event::{Nanos, Time};
use sluicebox::intel::Intel;
use sluicebox::wire;

use super::Style;
use crate::analyze::Knowledge;

/// The moment of a trace at which the state is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// After the last record.
    End,
    /// After the record of that number, which counts from 0 as in the JSON dump.
    Record(u64),
    /// Before the first event that is later than that, from the first event on.
    Time(Nanos),
}

/// Which files the text shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// Those that were written or came from elsewhere; the others are counted.
    Written,
    /// All of them.
    All,
}

/// Whether the moment was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not yet: the next packet is wanted.
    Wanted,
    /// This packet was the last one that counts, or lies beyond.
    Reached,
}

/// Follows a trace up to a moment.
#[derive(Debug)]
pub struct Follower {
    sandbox: Sandbox,
    intel: Arc<Intel>,
    moment: Moment,
    records: u64,
    begin: Option<Time>,
}

impl Follower {
    /// A follower at the beginning of a trace.
    #[must_use]
    pub fn new(knowledge: &Knowledge, moment: Moment) -> Follower {
        Follower {
            sandbox: Sandbox::new(Arc::clone(&knowledge.rules)),
            intel: Arc::clone(&knowledge.intel),
            moment,
            records: 0,
            begin: None,
        }
    }

    /// Takes in one packet, unless it lies beyond the moment.
    pub fn packet(&mut self, packet: &[u8]) -> Progress {
        let time = time_of(packet);
        self.begin = self.begin.or(time);
        if let (Moment::Time(until), Some(time), Some(begin)) = (self.moment, time, self.begin)
            && time.since(begin) > until
        {
            return Progress::Reached;
        }
        // What cannot be decoded is counted by the sandbox, and shows.
        let _counted = self.sandbox.packet(packet, &self.intel, &mut Vec::new());
        let number = self.records;
        self.records = self.records.saturating_add(1);
        match self.moment {
            Moment::Record(last) if number >= last => Progress::Reached,
            Moment::Record(_) | Moment::Time(_) | Moment::End => Progress::Wanted,
        }
    }

    /// Shows what is remembered.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn show(&self, style: Style, files: Files, out: &mut impl Write) -> io::Result<()> {
        let snapshot = copy::snapshot(self.sandbox.state(), self.records, self.begin);
        match style {
            Style::Text => out.write_all(text::page(&snapshot, files).as_bytes()),
            Style::Json => {
                serde_json::to_writer(&mut *out, &snapshot)?;
                out.write_all(b"\n")
            }
        }
    }
}

fn time_of(packet: &[u8]) -> Option<Time> {
    let context = wire::decode(packet).ok()?.event?.context?;
    context.time.is_known().then_some(context.time)
}
