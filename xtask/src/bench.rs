//! Tables against the peers.

use crate::failure::{Failure, Result};
use crate::workspace::Workspace;
use crate::{package, sizes};

/// Runs the bench of that name, or says which there are.
pub fn run(workspace: &Workspace, name: Option<&str>) -> Result<()> {
    match name {
        Some("size") => {
            package::build(workspace)?;
            sizes::report(workspace)
        }
        None => {
            println!("benches: size");
            Ok(())
        }
        Some(other) => Err(Failure::because(format!("unknown bench `{other}`; there is size"))),
    }
}
