//! Mutation testing of the engine: each guard in it is taken away, and a test has to notice.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;

use super::Context;
use crate::failure::{Context as _, Failure, Result};
use crate::process::status;
use crate::tools::{self, catalogue};

/// How many of a hundred mutants have to be caught.
const ENOUGH: usize = 90;
/// Those that are not, with the reason.
const LIST: &str = "docs/mutants.md";
const ENGINE: &str = "src/engine/";
/// More at once are not faster: each compiles, and has threads of its own.
const MOST_AT_ONCE: usize = 8;

/// Tries them all, for hours.
pub fn check(context: &Context) -> Result<()> {
    let workspace = &context.workspace;
    tools::ensure(workspace, &[catalogue::mutants()])?;
    let jobs = thread::available_parallelism().map_or(1, usize::from).min(MOST_AT_ONCE);
    let output = workspace.target("mutants-tried");
    fs::create_dir_all(&output).context(|| format!("cannot make {}", output.display()))?;

    let mut mutants = workspace.command(workspace.tools().join("bin/cargo-mutants"));
    mutants.args(["mutants", "--no-times", "--file", "src/engine/*.rs", "--jobs", &jobs.to_string(), "--output"]);
    // Each of a thousand has the quick version of the tests.
    mutants.arg(&output).env_remove("STREAMKEEPER_SOAK").env("STREAMKEEPER_QUICK", "1");
    match status(&mut mutants)?.code() {
        // Some were missed, or never came to an end: that is told below.
        Some(0 | 2 | 3) => {}
        _ => return Err(Failure::because("cargo-mutants failed: its last lines say why")),
    }
    let tried = Tried::read(&output.join("mutants.out"))?;
    print!("{}", tried.table());
    let list = fs::read_to_string(workspace.path(LIST)).context(|| format!("cannot read {LIST}"))?;
    tried.verdict(&list)
}

/// What became of the mutants: each as cargo-mutants names it, `FILE:LINE:COLUMN: what is changed in which function`.
#[derive(Debug, Default)]
struct Tried {
    caught: Vec<String>,
    missed: Vec<String>,
    /// Noticed as well: their tests never came to an end.
    timeouts: Vec<String>,
}

impl Tried {
    fn read(directory: &Path) -> Result<Self> {
        let lines = |name| {
            let path = directory.join(name);
            let text = fs::read_to_string(&path).context(|| format!("cannot read {}", path.display()))?;
            Ok(text.lines().map(str::to_owned).collect())
        };
        Ok(Self { caught: lines("caught.txt")?, missed: lines("missed.txt")?, timeouts: lines("timeout.txt")? })
    }

    /// One line for each file, and for all of them.
    fn table(&self) -> String {
        let mut files: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
        for (column, mutants) in [&self.caught, &self.missed, &self.timeouts].into_iter().enumerate() {
            for mutant in mutants {
                let file = mutant.split(':').next().unwrap_or_default();
                let counts = files.entry(file.strip_prefix(ENGINE).unwrap_or(file)).or_default();
                if let Some(count) = counts.get_mut(column) {
                    *count += 1;
                }
            }
        }
        let all = [self.caught.len(), self.missed.len(), self.timeouts.len()];
        let row = |(file, [caught, missed, timeouts]): (&str, [usize; 3])| {
            format!("{file:<16}{:>8}{caught:>8}{missed:>8}{timeouts:>10}\n", caught + missed + timeouts)
        };
        let head = format!("\n{:<16}{:>8}{:>8}{:>8}{:>10}\n", "engine", "viable", "caught", "missed", "timeouts");
        head + &files.into_iter().chain([("all", all)]).map(row).collect::<String>()
    }

    /// Enough are caught, and each that is not is in the list: as often as there is one of that name.
    fn verdict(&self, list: &str) -> Result<()> {
        let noticed = self.caught.len() + self.timeouts.len();
        let viable = noticed + self.missed.len();
        if viable == 0 {
            return Err(Failure::because("no mutant could be tried"));
        }
        if noticed * 100 < viable * ENOUGH {
            return Err(Failure::because(format!("{noticed} of {viable} mutants were caught, less than {ENOUGH} %")));
        }
        let mut missed: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for mutant in &self.missed {
            missed.entry(listed(mutant)).or_default().push(mutant);
        }
        missed.retain(|name, mutants| list.matches(name.as_str()).count() < mutants.len());
        match missed.is_empty() {
            true => Ok(()),
            false => {
                let unknown: Vec<&str> = missed.into_values().flatten().collect();
                Err(Failure::because(format!("missed, and not in {LIST}:\n{}", unknown.join("\n"))))
            }
        }
    }
}

/// How a mutant stands in the list: without its line, which moves.
fn listed(mutant: &str) -> String {
    let mut parts = mutant.splitn(4, ':');
    let file = parts.next().unwrap_or_default();
    format!("`{}:{}`", file.strip_prefix(ENGINE).unwrap_or(file), parts.nth(2).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(caught: usize, missed: &[&str]) -> Tried {
        let caught = (0..caught).map(|line| format!("src/engine/chat.rs:{line}:5: replace a with b in c")).collect();
        Tried { caught, missed: missed.iter().map(|mutant| (*mutant).to_owned()).collect(), timeouts: Vec::new() }
    }

    #[test]
    fn each_file_is_told() {
        let mut tried = tried(9, &["src/engine/room.rs:1:2: replace x -> bool with true"]);
        tried.timeouts.push("src/engine/value.rs:96:5: replace / with % in number".to_owned());
        let table = tried.table();
        assert!(table.contains("chat.rs                9       9       0         0\n"), "{table}");
        assert!(table.ends_with("all                   11       9       1         1\n"), "{table}");
    }

    #[test]
    fn too_few_or_unknown_ones_fail() {
        let missed = "src/engine/room.rs:12:34: replace Room::is -> bool with a::b";
        assert!(tried(9, &[]).verdict("").is_ok());
        assert!(tried(0, &[]).verdict("").is_err());
        assert!(tried(8, &[missed]).verdict("- `room.rs: replace Room::is -> bool with a::b`: why").is_err());
        assert!(tried(9, &[missed]).verdict("- `room.rs: replace Room::is -> bool with a::b`: why").is_ok());
        let Err(Failure::Because(why)) = tried(9, &[missed]).verdict("- `room.rs: replace Room::is`") else { panic!() };
        assert!(why.ends_with(missed), "{why}");
        let twice = tried(18, &[missed, "src/engine/room.rs:56:7: replace Room::is -> bool with a::b"]);
        assert!(twice.verdict("- `room.rs: replace Room::is -> bool with a::b`: why").is_err(), "it is another one");
    }
}
