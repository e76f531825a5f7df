//! The worlds of the simulation, by name.

use super::explore::Model;
use super::wander::{Failure, walk, wander};
use super::world::{About, Budget, Event, World};
use crate::replay::walk::replays;

/// How long a history is.
const STEPS: usize = 16;

/// Every so many histories are followed until they have come to rest, which takes twenty times as long.
const RESTS: u64 = 32;

/// Every so many have their traces replayed.
const REPLAYS: u64 = 256;

/// What their names are.
pub const NAMES: [&str; 3] = ["chat", "streams", "both"];

/// The world of that name.
pub fn named(name: &str) -> Option<World> {
    let (about, budget) = match name {
        "chat" => (About::Chat, Budget { person: 6, page: 4, faults: 4, tabs: 3 }),
        "streams" => (About::Stream, Budget { person: 6, page: 3, faults: 4, tabs: 4 }),
        "both" => (About::Both, Budget { person: 6, page: 3, faults: 3, tabs: 0 }),
        _ => return None,
    };
    Some(World::new(about, budget))
}

/// Tries the schedule of that seed.
///
/// # Errors
/// The rule that it breaks, and the shortest part of it that does.
pub fn try_schedule(world: &World, seed: u64) -> Result<(), Failure<Event>> {
    wander(world, seed, STEPS, rests(seed))?;
    if seed.is_multiple_of(REPLAYS) { traces_replay(world, seed) } else { Ok(()) }
}

/// What each tab's trace tells leads to the same again.
fn traces_replay(world: &World, seed: u64) -> Result<(), Failure<Event>> {
    let (history, _) = walk(world, seed, STEPS, false);
    let mut state = world.clone();
    let all = history.iter().try_for_each(|event| state.step(*event));
    let all = all.and_then(|()| state.managers().try_for_each(replays));
    all.map_err(|rule| Failure { seed, history, rule })
}

/// The whole schedule of that seed, and the rule that it breaks.
pub fn schedule(world: &World, seed: u64) -> (Vec<Event>, Result<(), String>) {
    walk(world, seed, STEPS, rests(seed))
}

fn rests(seed: u64) -> bool {
    seed.is_multiple_of(RESTS)
}
