//! A million random schedules of tabs, network, database, chat service and person around the real manager; see
//! [`engine_tests::model`]. One that fails is printed with its seed, and with no more than it needs.

use engine_tests::cases;
use engine_tests::model::wander::wander;
use engine_tests::model::world::{About, Budget, World};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Every so many histories are followed until they have come to rest, which takes twenty times as long.
const RESTS: u64 = 32;

fn wander_all(name: &str, world: &World, schedules: u32) {
    let next = AtomicU64::new(0);
    let failure = thread::scope(|scope| {
        let work = || {
            let seeds = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)));
            let mut seeds = seeds.take_while(|seed| *seed < u64::from(schedules));
            let failure = seeds.find_map(|seed| wander(world, seed, 16, seed % RESTS == 0).err());
            if failure.is_some() {
                next.store(u64::MAX / 2, Ordering::Relaxed);
            }
            failure
        };
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().filter_map(|thread| thread.join().expect("a rule that is broken is no panic")).next()
    });
    if let Some(failure) = failure {
        panic!("{name}: {}\nseed {}, after {:#?}", failure.rule, failure.seed, failure.history);
    }
    println!("{name}: {schedules} schedules");
}

#[test]
fn chat() {
    let budget = Budget { person: 6, page: 4, faults: 4, tabs: 3 };
    wander_all("chat", &World::new(About::Chat, budget), cases(350_000));
}

#[test]
fn streams() {
    let budget = Budget { person: 6, page: 3, faults: 4, tabs: 4 };
    wander_all("streams", &World::new(About::Stream, budget), cases(400_000));
}

#[test]
fn both() {
    let budget = Budget { person: 6, page: 3, faults: 3, tabs: 0 };
    wander_all("both", &World::new(About::Both, budget), cases(250_000));
}
