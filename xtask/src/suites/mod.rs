//! `cargo xtask test`: every suite, in an order that tells soon what is wrong.

mod audit;
mod browser;
mod context;
mod journeys;
mod lint;
mod mutants;
mod native;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::browser::Browser;
use crate::failure::{Failure, Result};
use crate::process::say;
use crate::workspace::Workspace;
pub use context::Context;

/// What a person can ask for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suite {
    Lint,
    Engine,
    Browser,
    Database,
    Gateway,
    E2e,
    Packaging,
    Mutants,
}

/// A run of a suite: one suite may run against more than one thing.
struct Run {
    suite: Suite,
    name: &'static str,
    run: fn(&Context) -> Result<()>,
}

/// The cheap ones first.
const RUNS: [Run; 11] = [
    Run { suite: Suite::Lint, name: "lint", run: lint::check },
    Run { suite: Suite::Engine, name: "engine", run: native::engine },
    Run { suite: Suite::Browser, name: "browser in Chromium", run: |it| browser::adapters(it, Browser::Chromium) },
    Run { suite: Suite::Browser, name: "browser in Firefox", run: |it| browser::adapters(it, Browser::Firefox) },
    Run { suite: Suite::Database, name: "database on PostgreSQL 15", run: native::database_oldest },
    Run { suite: Suite::Database, name: "database on PostgreSQL 18", run: native::database },
    Run { suite: Suite::Gateway, name: "gateway", run: native::gateway },
    Run { suite: Suite::E2e, name: "e2e in Chromium", run: |it| journeys::e2e(it, Browser::Chromium) },
    Run { suite: Suite::E2e, name: "e2e in Firefox", run: |it| journeys::e2e(it, Browser::Firefox) },
    Run { suite: Suite::Packaging, name: "packaging", run: journeys::packaging },
    Run { suite: Suite::Mutants, name: "mutants", run: mutants::check },
];

impl Suite {
    /// The suite of that name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "lint" => Self::Lint,
            "engine" => Self::Engine,
            "browser" => Self::Browser,
            "database" => Self::Database,
            "gateway" => Self::Gateway,
            "e2e" => Self::E2e,
            "packaging" => Self::Packaging,
            "mutants" => Self::Mutants,
            _ => return None,
        })
    }
}

/// Runs one suite, or all; one that fails does not keep the others from running.
pub fn run(workspace: Workspace, only: Option<Suite>, soak: bool) -> Result<ExitCode> {
    let context = Context { workspace, soak };
    let mut results = Vec::new();
    for run in RUNS.iter().filter(|run| only.is_none_or(|only| only == run.suite)) {
        if run.suite == Suite::Mutants && !soak {
            say("mutants NOT tried: that takes hours, and `--soak`");
            continue;
        }
        say(format!("testing: {}", run.name));
        let start = Instant::now();
        let passed = match (run.run)(&context) {
            Ok(()) => true,
            Err(Failure::Because(why)) => {
                eprintln!("error: {why}");
                false
            }
            Err(Failure::Interrupted) => return Err(Failure::Interrupted),
        };
        results.push((run.name, passed, start.elapsed()));
    }
    print!("{}", summary(&results));
    Ok(if results.iter().all(|(_, passed, _)| *passed) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A table, and the one line that machines read at its end.
fn summary(results: &[(&str, bool, Duration)]) -> String {
    let mut table = format!("\n{:<28}{:<8}{:>8}\n", "suite", "result", "time");
    for (name, passed, time) in results {
        let result = if *passed { "passed" } else { "FAILED" };
        table += &format!("{name:<28}{result:<8}{:>6} s\n", time.as_secs());
    }
    let passed = results.iter().filter(|(_, passed, _)| *passed).count();
    table + &format!("\n{passed} passed, {} failed\n", results.len() - passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_ends_with_the_counts() {
        let summary = summary(&[("lint", true, Duration::from_secs(61)), ("e2e", false, Duration::from_millis(900))]);
        assert!(summary.contains("lint                        passed      61 s\n"), "{summary}");
        assert!(summary.contains("e2e                         FAILED       0 s\n"), "{summary}");
        assert_eq!(summary.lines().last(), Some("1 passed, 1 failed"));
    }

    #[test]
    fn every_run_can_be_asked_for() {
        for run in &RUNS {
            let word = run.name.split(' ').next().unwrap_or_default();
            assert_eq!(Suite::named(word), Some(run.suite));
        }
    }
}
