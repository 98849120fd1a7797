//! In which order things that name one another can be worked out.
//!
//! A walk with its own stack: a chain of 20,000 macros must not exhaust the program's.

/// How far the walk is with one thing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Done,
}

/// What [`order`] found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Order {
    /// All of them, each behind everything that it names, but for cycles.
    pub(super) sorted: Vec<usize>,
    /// Pairs of a thing and one it names, which names the first again, directly or through others.
    pub(super) cycles: Vec<(usize, usize)>,
}

/// Sorts things by what they name; `names` holds for each thing the indices of those that it names.
pub(super) fn order(names: &[Vec<usize>]) -> Order {
    let mut result = Order::default();
    let mut states = vec![State::New; names.len()];
    for root in 0..names.len() {
        let mut open = vec![(root, 0_usize)];
        while let Some((thing, next)) = open.pop() {
            if next == 0 && !enter(&mut states, thing) {
                continue;
            }
            match names.get(thing).and_then(|named| named.get(next)) {
                None => {
                    set(&mut states, thing, State::Done);
                    result.sorted.push(thing);
                }
                Some(named) => {
                    open.push((thing, next.saturating_add(1)));
                    match states.get(*named) {
                        Some(State::New) => open.push((*named, 0)),
                        Some(State::Open) => result.cycles.push((thing, *named)),
                        Some(State::Done) | None => {}
                    }
                }
            }
        }
    }
    result
}

/// Opens a thing; false if it was opened before.
fn enter(states: &mut [State], thing: usize) -> bool {
    let new = states.get(thing) == Some(&State::New);
    if new {
        set(states, thing, State::Open);
    }
    new
}

fn set(states: &mut [State], thing: usize, state: State) {
    if let Some(slot) = states.get_mut(thing) {
        *slot = state;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_comes_first() {
        let order = order(&[vec![1, 2], vec![2], vec![]]);
        assert_eq!(order, Order { sorted: vec![2, 1, 0], cycles: vec![] });
    }

    #[test]
    fn each_cycle_is_found_once() {
        assert_eq!(order(&[vec![0]]).cycles, [(0, 0)]);
        assert_eq!(order(&[vec![1], vec![2], vec![0]]).cycles, [(2, 0)]);
        assert_eq!(order(&[vec![1, 1], vec![]]).sorted, [1, 0]);
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let chain: Vec<Vec<usize>> = (1..200_000).map(|next| vec![next]).chain([vec![]]).collect();
        assert_eq!(order(&chain).sorted.len(), 200_000);
    }
}
