//! A million random schedules of tabs, network, database, chat service and person around the real manager; see
//! [`engine_tests::model`]. One that fails is printed with its seed, and with no more than it needs.

use engine_tests::cases;
use engine_tests::model::worlds;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

fn wander_all(name: &str, schedules: u32) {
    let world = worlds::named(name).expect("a world of that name");
    let next = AtomicU64::new(0);
    let failure = thread::scope(|scope| {
        let work = || {
            let seeds = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)));
            let mut seeds = seeds.take_while(|seed| *seed < u64::from(schedules));
            let failure = seeds.find_map(|seed| worlds::try_schedule(&world, seed).err());
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
        let replay = format!("cargo xtask replay {name}:{}", failure.seed);
        panic!("{name}: {}\nafter {:#?}\nto step through it: {replay}", failure.rule, failure.history);
    }
    println!("{name}: {schedules} schedules");
}

#[test]
fn chat() {
    wander_all("chat", cases(350_000));
}

#[test]
fn streams() {
    wander_all("streams", cases(400_000));
}

#[test]
fn both() {
    wander_all("both", cases(250_000));
}
