//! What need not be done again: a step is skipped while its inputs are what they were when it last succeeded.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::failure::{Context, Result};

/// What is made, not written.
const MADE: [&str; 3] = ["node_modules", "dist", "target"];

/// Does `work` unless `stamp` says that it was done with these very `inputs` (files, or directories with all that is
/// written in them) and the `outputs` are still there.
pub fn unless_done(
    stamp: &Path,
    inputs: &[PathBuf],
    outputs: &[PathBuf],
    work: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let print = fingerprint(inputs)?;
    let done = fs::read_to_string(stamp).is_ok_and(|stamped| stamped == print);
    if done && outputs.iter().all(|output| output.exists()) {
        return Ok(());
    }
    // From here on nothing is done, also for inputs that come back: what breaks off leaves half of its outputs.
    match fs::remove_file(stamp) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).context(|| format!("cannot remove {}", stamp.display()))?
        }
        _ => {}
    }
    work()?;
    if let Some(directory) = stamp.parent() {
        fs::create_dir_all(directory).context(|| format!("cannot make {}", directory.display()))?;
    }
    fs::write(stamp, print).context(|| format!("cannot write {}", stamp.display()))
}

fn fingerprint(inputs: &[PathBuf]) -> Result<String> {
    let mut files = BTreeSet::new();
    for input in inputs {
        collect(input, &mut files)?;
    }
    let mut hasher = DefaultHasher::new();
    for file in files {
        let content = fs::read(&file).context(|| format!("cannot read {}", file.display()))?;
        let name = file.as_os_str().as_encoded_bytes();
        for part in [name, &content] {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn collect(path: &Path, files: &mut BTreeSet<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        files.insert(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path).context(|| format!("cannot read {}", path.display()))? {
        let entry = entry.context(|| format!("cannot read {}", path.display()))?;
        if !MADE.iter().any(|made| entry.file_name() == *made) {
            collect(&entry.path(), files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;
    use std::cell::Cell;

    #[test]
    fn works_again_only_when_something_changed() {
        let directory = std::env::temp_dir().join(format!("xtask-stamp-{}", std::process::id()));
        let (input, output) = (directory.join("src"), directory.join("dist"));
        fs::create_dir_all(input.join("dist")).unwrap();
        fs::write(input.join("a"), "1").unwrap();
        let runs = Cell::new(0);
        let step = |result: Result<()>| {
            unless_done(
                &directory.join("stamps/a"),
                std::slice::from_ref(&input),
                std::slice::from_ref(&output),
                || {
                    runs.set(runs.get() + 1);
                    fs::write(&output, "").unwrap();
                    result
                },
            )
        };

        assert!(step(Err(Failure::because("no"))).is_err());
        step(Ok(())).unwrap();
        step(Ok(())).unwrap();
        assert_eq!(runs.get(), 2, "a failed step is done again, a finished one is not");

        fs::write(input.join("dist/made"), "x").unwrap();
        step(Ok(())).unwrap();
        assert_eq!(runs.get(), 2, "what is made does not count");

        fs::write(input.join("a"), "2").unwrap();
        step(Ok(())).unwrap();
        fs::write(input.join("b"), "").unwrap();
        step(Ok(())).unwrap();
        assert_eq!(runs.get(), 4, "a changed and a new file do");

        fs::remove_file(&output).unwrap();
        step(Ok(())).unwrap();
        assert_eq!(runs.get(), 5, "so does a missing output");

        fs::write(input.join("a"), "3").unwrap();
        assert!(step(Err(Failure::because("no"))).is_err());
        fs::write(input.join("a"), "2").unwrap();
        step(Ok(())).unwrap();
        assert_eq!(runs.get(), 7, "and what broke off, for inputs that were done before");
        fs::remove_dir_all(directory).unwrap();
    }
}
