//! Breadth first, so that the first violation that is found is the shortest.
//!
//! What is kept of a state is its fingerprint and the action that led to it: to go on from a state, its history is replayed.
//! That costs less than keeping it, because a history is short and the engine fast.

use std::collections::HashSet;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

/// Something that can be in one state or another.
pub trait Model: Clone + Send + Sync {
    /// What may happen to it.
    type Action: Copy + Debug + PartialEq + Send + Sync;

    /// All that may happen now.
    fn actions(&self) -> Vec<Self::Action>;

    /// It happens.
    ///
    /// # Errors
    /// The rule that it breaks.
    fn step(&mut self, action: Self::Action) -> Result<(), String>;

    /// The same for states from which the same follows.
    fn fingerprint(&self, buffer: &mut String) -> u64;

    /// From here, with a world that means well, it comes to rest where it should.
    ///
    /// # Errors
    /// What does not.
    fn comes_to_rest(&self) -> Result<(), String>;
}

/// What an exploration has seen.
#[derive(Debug)]
pub struct Seen<A> {
    /// Different states.
    pub states: usize,
    /// Actions that were tried.
    pub transitions: usize,
    /// All histories of so many actions were tried.
    pub depth: usize,
    /// Nothing new is left: there are no longer histories that lead anywhere else.
    pub is_all: bool,
    /// The shortest history that breaks a rule, and which.
    pub violation: Option<(Vec<A>, String)>,
}

/// How a state was reached: from the one at this place of the level before, by this action.
type Reached<A> = (u32, A);

/// What one thread found.
struct Found<A> {
    reached: Vec<(u64, Reached<A>)>,
    transitions: usize,
    violation: Option<(Vec<A>, String)>,
}

/// All histories of at most `depth` actions, or until `most` states are known: then the depth that was finished is told.
///
/// # Panics
/// When the machine has no memory or threads left.
pub fn explore<M: Model>(initial: &M, depth: usize, most: usize) -> Seen<M::Action> {
    let mut known = HashSet::new();
    known.insert(initial.fingerprint(&mut String::new()));
    let mut levels: Vec<Vec<Reached<M::Action>>> = Vec::new();
    let mut seen = Seen { states: 1, transitions: 0, depth: 0, is_all: false, violation: None };
    while seen.depth < depth && known.len() < most {
        let size = levels.last().map_or(1, Vec::len);
        let threads = thread::available_parallelism().map_or(1, usize::from).min(size);
        let found: Vec<Found<M::Action>> = thread::scope(|scope| {
            let share = |part: usize| (part * size / threads)..((part + 1) * size / threads);
            let (levels, known) = (&levels, &known);
            let parts: Vec<_> =
                (0..threads).map(|part| scope.spawn(move || expand(initial, levels, share(part), known))).collect();
            parts.into_iter().map(|part| part.join().expect("a rule that is broken is no panic")).collect()
        });
        let mut next = Vec::new();
        for part in found {
            seen.transitions += part.transitions;
            if seen.violation.is_none() {
                seen.violation = part.violation;
            }
            next.extend(part.reached.into_iter().filter(|(print, _)| known.insert(*print)).map(|(_, reached)| reached));
        }
        seen.states = known.len();
        if seen.violation.is_some() {
            break;
        }
        seen.depth += 1;
        seen.is_all = next.is_empty();
        if seen.is_all {
            break;
        }
        levels.push(next);
    }
    seen
}

/// The history that leads to a state of the newest level.
fn history<A: Copy>(levels: &[Vec<Reached<A>>], mut at: usize) -> Vec<A> {
    let mut actions = Vec::with_capacity(levels.len() + 1);
    for level in levels.iter().rev() {
        let (before, action) = level[at];
        actions.push(action);
        at = before as usize;
    }
    actions.reverse();
    actions
}

fn expand<M: Model>(
    initial: &M,
    levels: &[Vec<Reached<M::Action>>],
    share: std::ops::Range<usize>,
    known: &HashSet<u64>,
) -> Found<M::Action> {
    let mut found = Found { reached: Vec::new(), transitions: 0, violation: None };
    let mut fresh = HashSet::new();
    let mut buffer = String::new();
    for at in share {
        let past = history(levels, at);
        let mut state = initial.clone();
        for action in &past {
            state.step(*action).expect("it was well the first time");
        }
        if let Err(rule) = guarded(|| state.comes_to_rest()) {
            found.violation = Some((past, rule));
            return found;
        }
        for action in state.actions() {
            found.transitions += 1;
            let mut next = state.clone();
            if let Err(rule) = guarded(|| next.step(action)) {
                let mut past = past;
                past.push(action);
                found.violation = Some((past, rule));
                return found;
            }
            let print = next.fingerprint(&mut buffer);
            if !known.contains(&print) && fresh.insert(print) {
                found.reached.push((print, (at as u32, action)));
            }
        }
    }
    found
}

/// A panic breaks a rule as well.
pub(crate) fn guarded(what: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(what)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("panic: {}", text.unwrap_or_default()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A counter that may go up and down, must not be seven, and comes to rest unless it is eleven.
    #[derive(Clone, Debug)]
    struct Counter(i32, i32);

    impl Model for Counter {
        type Action = i32;

        fn actions(&self) -> Vec<i32> {
            vec![-1, 1, 2]
        }

        fn step(&mut self, action: i32) -> Result<(), String> {
            self.0 = (self.0 + action).clamp(0, 12);
            assert_ne!(self.0, 100);
            if self.0 == self.1 { Err("forbidden".to_owned()) } else { Ok(()) }
        }

        fn fingerprint(&self, _: &mut String) -> u64 {
            self.0 as u64
        }

        fn comes_to_rest(&self) -> Result<(), String> {
            if self.0 + 4 == self.1 { Err("stuck".to_owned()) } else { Ok(()) }
        }
    }

    #[test]
    fn it_finds_the_shortest_way_and_knows_when_it_has_seen_all() {
        let seen = explore(&Counter(0, 7), 20, 1_000);
        assert_eq!(seen.violation, Some((vec![1, 2], "stuck".to_owned())));
        let seen = explore(&Counter(5, 7), 20, 1_000);
        assert_eq!(seen.violation, Some((vec![2], "forbidden".to_owned())));
        let seen = explore(&Counter(0, 99), 20, 1_000);
        assert!(seen.is_all && seen.violation.is_none());
        assert_eq!((seen.states, seen.depth), (13, 7));
        assert_eq!(explore(&Counter(0, 99), 3, 1_000).states, 7);
    }
}
