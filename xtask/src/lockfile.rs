//! The one thing that we need to know from `Cargo.lock`.

use std::fs;

use crate::failure::{Context, Failure, Result};
use crate::workspace::Workspace;

/// The version of a package as it is locked.
pub fn locked_version(workspace: &Workspace, package: &str) -> Result<String> {
    let path = workspace.path("Cargo.lock");
    let lock = fs::read_to_string(&path).context(|| format!("cannot read {}", path.display()))?;
    find(&lock, package)
        .map(str::to_owned)
        .ok_or_else(|| Failure::because(format!("Cargo.lock names no version of {package}")))
}

fn find<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::find;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"1.0.0\"\n\n\
        [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\nsource = \"registry\"\n";

    #[test]
    fn finds_the_package_of_that_very_name() {
        assert_eq!(find(LOCK, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(find(LOCK, "wasm"), None);
        assert_eq!(find("", "wasm-bindgen"), None);
    }
}
