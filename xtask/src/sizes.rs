//! What a visitor downloads, and the budget for it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Context, Failure, Result};
use crate::workspace::Workspace;
use crate::{package, process};

/// Wasm and glue together, gzipped, in bytes.
const BUDGET: usize = 100_000;

/// A row of the table.
#[derive(Debug)]
struct Size {
    name: String,
    raw: usize,
    gzipped: usize,
}

/// Prints the sizes of the built package, and fails when it is over budget.
pub fn report(workspace: &Workspace) -> Result<()> {
    let wasm = measure("wasm", &workspace.path("pkg/wasm/streamkeeper_bg.wasm"))?;
    let glue = measure("glue", &workspace.path("pkg/wasm/streamkeeper.js"))?;
    let both = Size { name: "wasm and glue".into(), raw: wasm.raw + glue.raw, gzipped: wasm.gzipped + glue.gzipped };
    let gzipped = both.gzipped;

    println!("{:<24}{:>12}{:>12}", "", "raw", "gzip -9");
    for size in [wasm, glue, both] {
        println!("{}", row(&size));
    }
    for script in scripts(&workspace.path("pkg/dist"))? {
        println!("{}", row(&measure(&name(&script), &script)?));
    }
    println!("{:<24}{:>12}{:>12}", "budget", "", kilobytes(BUDGET));

    println!("\n{:<24}{:>12}{:>12}", "in the wasm", "raw", "of gzip -9");
    for (name, raw, gzipped) in package::features(workspace)? {
        println!("{}", row(&Size { name, raw, gzipped }));
    }

    match gzipped <= BUDGET {
        true => Ok(()),
        false => Err(Failure::because(format!(
            "wasm and glue are {} gzipped, which is over the budget of {}",
            kilobytes(gzipped),
            kilobytes(BUDGET)
        ))),
    }
}

fn scripts(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).context(|| format!("cannot read {}", directory.display()))?;
    let mut scripts: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    scripts.retain(|path| path.extension().is_some_and(|extension| extension == "js"));
    scripts.sort();
    Ok(scripts)
}

fn name(script: &Path) -> String {
    format!("dist/{}", script.file_name().unwrap_or_default().display())
}

fn measure(name: &str, file: &Path) -> Result<Size> {
    let raw = fs::metadata(file).context(|| format!("cannot read {}", file.display()))?.len();
    let raw = usize::try_from(raw).context(|| format!("{} is too large", file.display()))?;
    Ok(Size { name: name.to_owned(), raw, gzipped: gzipped(file)? })
}

/// The real gzip, so that anybody can check the number; counted by `wc`, for it is no text to capture.
fn gzipped(file: &Path) -> Result<usize> {
    let mut gzip = process::command(Path::new("sh"));
    gzip.args(["-c", "gzip -9 -n -c \"$1\" | wc -c", "gzip"]).arg(file);
    process::capture(gzip)?.trim().parse().context(|| format!("cannot gzip {}", file.display()))
}

fn row(size: &Size) -> String {
    format!("{:<24}{:>12}{:>12}", size.name, kilobytes(size.raw), kilobytes(size.gzipped))
}

fn kilobytes(bytes: usize) -> String {
    format!("{}.{} kB", bytes / 1000, bytes % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_columns_that_line_up() {
        let size = Size { name: "glue".into(), raw: 123_456, gzipped: 7_890 };
        assert_eq!(row(&size), "glue                        123.4 kB      7.8 kB");
        assert_eq!(kilobytes(0), "0.0 kB");
        assert_eq!(kilobytes(BUDGET), "100.0 kB");
    }

    #[test]
    fn measures_what_gzip_makes_of_a_file() {
        let file = std::env::temp_dir().join(format!("xtask-sizes-{}", std::process::id()));
        fs::write(&file, "a".repeat(10_000)).unwrap();
        let size = measure("letters", &file).unwrap();
        fs::remove_file(&file).unwrap();
        assert_eq!(size.raw, 10_000);
        assert!((20..100).contains(&size.gzipped), "{}", size.gzipped);
    }
}
