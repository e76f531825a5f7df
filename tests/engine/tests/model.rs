//! Every history of a small adversarial world, up to a depth: see [`engine_tests::model`].

use engine_tests::model::explore::explore;
use engine_tests::model::world::{About, Budget, World};
use engine_tests::states;

/// The states and the depth are printed.
fn check(name: &str, world: &World, most: usize) {
    let seen = explore(world, 100, most);
    let whole = if seen.is_all { ", which is all of it" } else { "" };
    println!("{name}: {} states, {} transitions, depth {}{whole}", seen.states, seen.transitions, seen.depth);
    if let Some((history, rule)) = seen.violation {
        panic!("{name}: {rule}\nafter {history:#?}");
    }
}

#[test]
fn chat_in_every_order() {
    let budget = Budget { person: 3, page: 2, faults: 2, tabs: 0 };
    check("chat", &World::new(About::Chat, budget), states(60_000));
}

#[test]
fn chat_in_two_tabs_in_every_order() {
    let budget = Budget { person: 3, page: 1, faults: 1, tabs: 2 };
    check("chat in two tabs", &World::new(About::Chat, budget), states(30_000));
}

#[test]
fn the_end_of_a_stream_in_every_order() {
    let budget = Budget { person: 3, page: 1, faults: 2, tabs: 3 };
    check("stream", &World::new(About::Stream, budget), states(60_000));
}

#[test]
fn signing_out_of_a_live_stream_in_every_order() {
    let budget = Budget { person: 3, page: 1, faults: 1, tabs: 0 };
    check("both", &World::new(About::Both, budget), states(60_000));
}
