//! The state against a naive model that copies everything and forgets nothing.
//!
//! [`run`] turns bytes into operations ([`ops`]), plays each as an event to [`State`] and to the model
//! ([`naive`], [`happens`] and its neighbours), and compares what both know ([`compare`]) after every step. The words of this small
//! world, with their meanings, are in [`words`]. [`run_confined`] plays the same game to a state that has room for
//! next to nothing: there is no model of that, but the state's invariants hold at every step.
//!
//! To extend it: teach [`naive`] what a new fact is, [`happens`] which event makes it, and [`compare`] where the
//! state shows it. A new kind of operation is a line in the table of weights.

#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::wildcard_enum_match_arm,
    clippy::expect_used,
    reason = "a model for tests and the fuzzer: what is wrong in it shall panic, and it only meets its own input"
)]

mod compare;
mod descriptors;
#[cfg(test)]
mod found;
mod happens;
mod naive;
mod network;
mod ops;
mod words;

use crate::state::State;
use crate::state::budget::Budget;

use compare::Comparison;
use naive::Naive;
use ops::{Op, Player, SIZE};
use words::{SESSIONS, Session};

/// Steps after which everything is compared, not only what was touched.
const EVERYTHING: usize = 256;

/// Bytes of a state that is under pressure from the first operations on.
const CONFINED: usize = 24 << 10;

/// Operations of one run: its bounds are so far away that nothing is evicted.
pub(crate) const LONGEST: usize = 2000;

/// Plays bytes to the state and to the model; panics where they differ.
pub(crate) fn run(bytes: &[u8]) {
    play(operations(bytes), SESSIONS);
}

/// Plays bytes to a state that has to forget nearly everything.
pub(crate) fn run_confined(bytes: &[u8]) {
    play_confined(operations(bytes));
}

fn operations(bytes: &[u8]) -> impl Iterator<Item = Op> {
    bytes.as_chunks::<SIZE>().0.iter().take(LONGEST).map(|bytes| Op::of(*bytes))
}

fn play(operations: impl Iterator<Item = Op>, sessions: &'static [Session]) {
    let (mut state, mut model) = (State::default(), Naive::default());
    let (mut player, mut comparison) = (Player::new(sessions), Comparison::default());
    for (step, op) in operations.enumerate() {
        let event = player.event(op, &model);
        let (theirs, ours) = (state.apply(&event), model.apply(&event));
        comparison.step(&state, theirs.as_ref(), &model, ours.as_ref());
        if step % EVERYTHING == 0 {
            state.check_invariants();
            comparison.everything(&state, &model);
        }
    }
    state.check_invariants();
    comparison.everything(&state, &model);
}

fn play_confined(operations: impl Iterator<Item = Op>) {
    let (mut state, mut model) = (State::with_budget(Budget::new(CONFINED)), Naive::default());
    let mut player = Player::new(SESSIONS);
    let mut clock = state.clock();
    for op in operations {
        let event = player.event(op, &model);
        state.apply(&event);
        model.apply(&event);
        state.check_invariants();
        assert!(state.clock() >= clock, "time does not go back");
        clock = state.clock();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A thousand operations on average.
    fn operations() -> impl Strategy<Value = Vec<Op>> {
        proptest::collection::vec(any::<[u8; SIZE]>().prop_map(Op::of), 0..=LONGEST)
    }

    fn cases(cases: u32) -> ProptestConfig {
        ProptestConfig { cases, max_shrink_iters: 2000, ..ProptestConfig::default() }
    }

    proptest! {
        // Together over a million operations.
        #![proptest_config(cases(550))]

        #[test]
        fn the_state_shows_what_the_model_knows(operations in operations()) {
            play(operations.into_iter(), SESSIONS);
        }

        #[test]
        fn the_state_shows_what_the_model_knows_of_one_container(operations in operations()) {
            play(operations.into_iter(), &SESSIONS[..1]);
        }
    }

    proptest! {
        #![proptest_config(cases(200))]

        #[test]
        fn a_confined_state_keeps_its_invariants(operations in operations()) {
            play_confined(operations.into_iter());
        }
    }
}
