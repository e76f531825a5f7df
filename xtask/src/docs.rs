//! `cargo xtask docs`: the reference, from the comments in the sources. A warning is a failure.

use crate::failure::Result;
use crate::npm;
use crate::process::run;
use crate::tools::{self, catalogue};
use crate::workspace::Workspace;

/// The half of the root crate that only a browser's target compiles.
pub const ON_WASM: [&str; 6] =
    ["--package", "streamkeeper", "--features", "browser", "--target", "wasm32-unknown-unknown"];
/// TypeDoc, with a TypeScript that it understands.
const TYPEDOC: &str = "docs/reference";

/// Writes both references, and says where they are.
pub fn build(workspace: &Workspace) -> Result<()> {
    check(workspace)?;
    println!("npm package   target/typedoc/index.html");
    println!("crates        target/doc/streamkeeper/index.html");
    Ok(())
}

/// Writes both references.
pub fn check(workspace: &Workspace) -> Result<()> {
    tools::ensure(workspace, &catalogue::docs())?;
    crates(workspace, &["--workspace"])?;
    crates(workspace, &ON_WASM)?;
    npm::ci(workspace, TYPEDOC)?;
    npm::run_script(workspace, TYPEDOC, "build")
}

/// With what is private: whoever uses the package reads the other reference, and this one is for whoever changes it.
fn crates(workspace: &Workspace, which: &[&str]) -> Result<()> {
    let mut doc = workspace.cargo(&["doc", "--no-deps", "--document-private-items"]);
    run(doc.args(which).env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links"))
}
