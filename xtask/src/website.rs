//! The demo's page, built on the packed tarball, as a user of the package would.

use std::path::{Path, PathBuf};

use crate::failure::Result;
use crate::workspace::Workspace;
use crate::{npm, stamp};

/// Builds `www/` and returns the directory to serve.
pub fn build(workspace: &Workspace, tarball: &Path) -> Result<PathBuf> {
    npm::ci(workspace, "www")?;
    npm::install_tarball(workspace, "www", tarball)?;
    let site = workspace.path("www/dist");
    let inputs = [workspace.path("www"), tarball.to_owned()];
    stamp::unless_done(&workspace.target("stamps/www"), &inputs, &[site.join("index.html")], || {
        npm::run_script(workspace, "www", "build")
    })?;
    Ok(site)
}
