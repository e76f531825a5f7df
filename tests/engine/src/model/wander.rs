//! Random histories, far longer than those that can all be tried: each from a seed, so that a failure can be had again.

use super::explore::{Model, guarded};

/// A history that breaks a rule.
#[derive(Debug)]
pub struct Failure<A> {
    /// From which it can be had again.
    pub seed: u64,
    /// What has to happen, and no more than that.
    pub history: Vec<A>,
    /// The rule.
    pub rule: String,
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

/// One history of at most `steps` actions; `rest`: it has to come to rest as well.
///
/// # Errors
/// The shortest part of it that breaks the same rule.
pub fn wander<M: Model>(initial: &M, seed: u64, steps: usize, rest: bool) -> Result<(), Failure<M::Action>> {
    let (history, result) = walk(initial, seed, steps, rest);
    result.map_err(|rule| Failure { seed, history: shrink(initial, history, &rule), rule })
}

/// The whole history, up to where a rule is broken.
pub fn walk<M: Model>(initial: &M, seed: u64, steps: usize, rest: bool) -> (Vec<M::Action>, Result<(), String>) {
    let mut random = Random(seed);
    let mut state = initial.clone();
    let mut history = Vec::with_capacity(steps);
    for _ in 0..steps {
        let actions = state.actions();
        if actions.is_empty() {
            break;
        }
        let action = actions[random.below(actions.len())];
        history.push(action);
        if let Err(rule) = guarded(|| state.step(action)) {
            return (history, Err(rule));
        }
    }
    let result = if rest { guarded(|| state.comes_to_rest()) } else { Ok(()) };
    (history, result)
}

/// Leaves out whatever is not needed, one action after the other, until each is.
fn shrink<M: Model>(initial: &M, mut history: Vec<M::Action>, rule: &str) -> Vec<M::Action> {
    let mut at = 0;
    while at < history.len() {
        let mut shorter = history.clone();
        shorter.remove(at);
        if broken(initial, &shorter).is_some_and(|other| kind(&other) == kind(rule)) {
            history = shorter;
            at = 0;
        } else {
            at += 1;
        }
    }
    history
}

/// The rule that this history breaks; none if it breaks none, or cannot be.
fn broken<M: Model>(initial: &M, history: &[M::Action]) -> Option<String> {
    let mut state = initial.clone();
    for action in history {
        if !state.actions().contains(action) {
            return None;
        }
        if let Err(rule) = guarded(|| state.step(*action)) {
            return Some(rule);
        }
    }
    guarded(|| state.comes_to_rest()).err()
}

/// A rule without its numbers, which are others in a shorter history.
fn kind(rule: &str) -> String {
    rule.chars().filter(|character| !character.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Must never have been at three and then at nine.
    #[derive(Clone)]
    struct Walk(Vec<u8>);

    impl Model for Walk {
        type Action = u8;

        fn actions(&self) -> Vec<u8> {
            (0..10).collect()
        }

        fn step(&mut self, action: u8) -> Result<(), String> {
            self.0.push(action);
            if action == 9 && self.0.contains(&3) { Err(format!("after {}", self.0.len())) } else { Ok(()) }
        }

        fn fingerprint(&self, _: &mut String) -> u64 {
            0
        }

        fn comes_to_rest(&self) -> Result<(), String> {
            Ok(())
        }
    }

    #[test]
    fn a_failure_is_told_by_what_it_needs_and_can_be_had_again() {
        let found = (0..100).find_map(|seed| wander(&Walk(Vec::new()), seed, 40, true).err()).unwrap();
        assert_eq!(found.history, [3, 9]);
        assert!(wander(&Walk(Vec::new()), found.seed, 40, true).is_err());
        assert!(wander(&Walk(Vec::new()), found.seed, 1, true).is_ok());
    }
}
