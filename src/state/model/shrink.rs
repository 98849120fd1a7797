//! The shortest run that still shows a difference, told as the events that it consists of.
//!
//! Any part of a run is a run, so pieces are left out, large ones first, as long as what is left fails.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::naive::Naive;
use super::ops::Op;
use super::player::Player;
use super::words::Session;

/// What goes wrong in a run, if anything does.
fn failure(operations: &[Op], play: &dyn Fn(&[Op])) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(|| play(operations))).err()?;
    let said = panic.downcast_ref::<String>().cloned();
    Some(said.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default())
}

/// Plays a run. If it fails, plays shorter ones until each of its operations counts, and tells what is left.
pub(super) fn shrunk(
    operations: &[Op],
    sessions: &'static [Session],
    play: &dyn Fn(&[Op]),
) -> Option<String> {
    failure(operations, play)?;
    let mut operations = operations.to_vec();
    let mut piece = operations.len().div_ceil(2);
    while piece > 0 {
        let (mut at, before) = (0, operations.len());
        while at < operations.len() {
            let mut rest = operations.clone();
            rest.drain(at..operations.len().min(at + piece));
            if failure(&rest, play).is_some() {
                operations = rest;
            } else {
                at += piece;
            }
        }
        // With the last pieces gone, others may be of no use any more.
        if piece > 1 || operations.len() == before {
            piece /= 2;
        }
    }
    let mut story = failure(&operations, play).unwrap_or_default();
    let (mut model, mut player) = (Naive::default(), Player::new(sessions));
    for op in operations {
        let event = player.event(op, &model);
        let _infallible = write!(story, "\n{op:?}\n    {event:?}");
        model.apply(&event);
    }
    Some(story)
}
