//! npm's advisories on what we ship, and on what the demo is made of.

use std::time::Duration;

use crate::failure::{Failure, Result};
use crate::process::{capture_within, say};
use crate::tools::{self, catalogue};
use crate::workspace::Workspace;

/// Fails for what is known to be severe.
pub fn check(workspace: &Workspace) -> Result<()> {
    tools::ensure(workspace, &catalogue::node())?;
    for package in ["pkg", "www"] {
        let mut audit = workspace.command_in("npm", package);
        audit.args(["audit", "--package-lock-only", "--audit-level=high"]);
        match capture_within(audit, Some(Duration::from_secs(60))) {
            Err(Failure::Because(why)) if !is_finding(&why) => {
                say(format!("{package} NOT checked: npm's advisories cannot be reached"));
            }
            other => drop(other?),
        }
    }
    Ok(())
}

/// npm fails alike when it has found something and when it could not look.
fn is_finding(output: &str) -> bool {
    output.contains(" vulnerabilit")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_told_from_what_could_not_be_looked_for() {
        assert!(is_finding("`npm audit` failed (exit status: 1)\n1 high severity vulnerability\n"));
        assert!(is_finding("3 vulnerabilities (1 moderate, 2 high)"));
        assert!(!is_finding("npm warn audit 405 Method Not Allowed\nnpm error audit endpoint returned an error"));
        assert!(!is_finding("it took too long"));
    }
}
