//! The npm package: the wasm, its glue and the TypeScript around them, packed.

use std::env;
use std::fs;
use std::path::PathBuf;

use crate::failure::{Context, Failure, Result};
use crate::process::{run, say};
use crate::tools::{self, catalogue};
use crate::workspace::{Workspace, path_with};
use crate::{npm, stamp};

/// This file is an input of what it describes.
const RECIPE: &str = "xtask/src/package.rs";
/// Makes the glue small.
const GLUE: &str = "pkg/scripts/glue.mjs";

/// Makes `pkg/` installable, doing only what has changed, and returns the packed tarball.
pub fn build(workspace: &Workspace) -> Result<PathBuf> {
    tools::ensure(workspace, &catalogue::wasm(workspace)?)?;
    npm::ci(workspace, "pkg")?;
    wasm(workspace)?;
    let inputs = [workspace.path("pkg"), workspace.path(RECIPE)];
    let outputs = [workspace.path("pkg/dist"), workspace.target("npm")];
    stamp::unless_done(&workspace.target("stamps/pkg"), &inputs, &outputs, || {
        npm::run_script(workspace, "pkg", "build")?;
        pack(workspace)
    })?;
    tarball(workspace)
}

fn wasm(workspace: &Workspace) -> Result<()> {
    let inputs =
        ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo", "src", "pkg/package-lock.json", GLUE, RECIPE];
    let inputs = inputs.map(|input| workspace.path(input));
    let outputs = ["streamkeeper.js", "streamkeeper.d.ts", "streamkeeper_bg.wasm"];
    let outputs = outputs.map(|output| workspace.path("pkg/wasm").join(output));
    stamp::unless_done(&workspace.target("stamps/wasm"), &inputs, &outputs, || {
        say("building the wasm into pkg/wasm");
        let mut wasm_pack = workspace.command(workspace.tools().join("bin/wasm-pack"));
        wasm_pack.env("PATH", path_with(&catalogue::wasm_path(workspace))?);
        wasm_pack.env("CARGO_ENCODED_RUSTFLAGS", remap_paths(workspace));
        wasm_pack.args(["--log-level", "warn", "build", "--profile", "wasm"]);
        wasm_pack.args(["--target", "web", "--out-name", "streamkeeper"]);
        // pkg/ has a package.json of its own, and npm would heed a .gitignore there.
        wasm_pack.args(["--out-dir", "pkg/wasm", "--no-pack", "--no-gitignore"]);
        run(wasm_pack.args(["--", "--features", "package"]))?;
        run(workspace.command("node").arg(GLUE))
    })
}

/// The same sources give the same wasm on every machine, and it tells nobody where it was built.
fn remap_paths(workspace: &Workspace) -> String {
    let home = env::home_dir().unwrap_or_default();
    let cargo = env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let remap = |path: PathBuf, name: &str| format!("--remap-path-prefix={}={name}", path.display());
    [remap(cargo, "cargo"), remap(workspace.path(""), "streamkeeper/")].join("\x1f")
}

fn pack(workspace: &Workspace) -> Result<()> {
    let directory = workspace.target("npm");
    if directory.exists() {
        fs::remove_dir_all(&directory).context(|| format!("cannot empty {}", directory.display()))?;
    }
    fs::create_dir_all(&directory).context(|| format!("cannot make {}", directory.display()))?;
    npm::npm(workspace, "pkg", &["pack", "--pack-destination", &directory.to_string_lossy()])
}

fn tarball(workspace: &Workspace) -> Result<PathBuf> {
    let directory = workspace.target("npm");
    let entries = fs::read_dir(&directory).context(|| format!("cannot read {}", directory.display()))?;
    let mut files = entries.flatten().map(|entry| entry.path());
    files
        .find(|file| file.extension().is_some_and(|extension| extension == "tgz"))
        .ok_or_else(|| Failure::missing("the packed tarball", "rm -rf target/npm && cargo xtask build"))
}
