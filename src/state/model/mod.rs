//! The state against a naive model that copies everything and forgets nothing.
//!
//! [`run`] turns bytes into operations ([`ops`]), plays each as an event to [`State`] and to the model
//! ([`naive`], [`happens`] and its neighbours), and compares what both know ([`compare`]) after every step. The words of this small
//! world, with their meanings, are in [`words`]. [`run_confined`] plays the same game to a state that has room for
//! next to nothing: there is no model of that, but the state's invariants hold at every step.
//!
//! A run that fails is cut down to the operations that count, and told as their events ([`shrink`]); `cargo test model --
//! --nocapture` prints how many were played.
//!
//! Not played, so nothing is said of them here: what the sentry says of descriptors that nobody saw being made
//! (`apply/heal.rs`); messages that were dropped (`apply/unseen.rs`); memory that processes share, transfers between
//! descriptors, code that is mapped, sessions, groups and terminals; what an embedder knows of the image. Their own tests
//! are beside them.
//!
//! To extend it: teach [`naive`] what a new fact is, [`happens`] which event makes it, and [`compare`] where the
//! state shows it. A new kind of operation is a line in the table of weights.

#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::wildcard_enum_match_arm,
    clippy::expect_used,
    clippy::panic,
    reason = "a model for tests and the fuzzer: what is wrong in it shall panic, and it only meets its own input"
)]

mod calls;
mod compare;
mod descriptors;
mod flow;
#[cfg(test)]
mod found;
mod happens;
mod lives;
mod moves;
mod naive;
mod network;
mod ops;
mod player;
#[cfg(test)]
mod shrink;
mod tables;
mod words;

use crate::state::State;
use crate::state::budget::Budget;

use compare::Comparison;
use naive::Naive;
use ops::{Op, SIZE};
use player::Player;
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
    use super::*;

    /// Runs of [`LONGEST`] operations each: over a million together.
    const RUNS: u64 = 501;

    /// Random numbers that are the same each time: a failure names its run, and CI does not depend on luck. What other
    /// numbers find is the fuzzer's to find.
    struct Dice(u64);

    impl Dice {
        /// SplitMix64.
        fn roll(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }
    }

    fn run_of(seed: u64) -> Vec<Op> {
        let mut dice = Dice(seed << 32);
        (0..LONGEST).map(|_| Op::of(dice.roll().to_le_bytes())).collect()
    }

    /// Plays a run. If it fails, tells the shortest part of it that does.
    fn holds(seed: u64, sessions: &'static [Session], play: impl Fn(&[Op])) -> usize {
        let operations = run_of(seed);
        if let Some(story) = shrink::shrunk(&operations, sessions, &play) {
            panic!("run {seed}: {story}");
        }
        operations.len()
    }

    #[test]
    fn the_state_shows_what_the_model_knows_over_a_million_operations() {
        // Every third run has one container only: its stories go deeper.
        let plays = |seed: &u64| {
            let sessions = if seed.is_multiple_of(3) { &SESSIONS[..1] } else { SESSIONS };
            holds(*seed, sessions, |operations| play(operations.iter().copied(), sessions))
        };
        let played: usize = std::thread::scope(|scope| {
            let halves = [0, 1].map(|half| {
                scope.spawn(move || {
                    (0..RUNS).filter(|seed| seed % 2 == half).map(|seed| plays(&seed)).sum::<usize>()
                })
            });
            let joined =
                halves.map(|half| half.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            joined.into_iter().sum()
        });
        println!("{played} operations, all views equal after each");
        assert!(played >= 1_000_000, "{played}");
    }

    #[test]
    fn a_confined_state_keeps_its_invariants() {
        let plays = |seed| holds(seed, SESSIONS, |operations| play_confined(operations.iter().copied()));
        let played: usize = (RUNS..RUNS + 40).map(plays).sum();
        println!("{played} operations in next to no room");
    }
}
