//! The npm package: the wasm, its glue and the TypeScript around them, packed.

use std::env;
use std::fs;
use std::path::PathBuf;

use crate::failure::{Context, Failure, Result};
use crate::process::{capture, run, say};
use crate::tools::{self, catalogue};
use crate::workspace::{Workspace, path_with};
use crate::{npm, stamp};

/// This file is an input of what it describes.
const RECIPE: &str = "xtask/src/package.rs";
/// What is done with the WASM, and makes it and its glue small.
const SCRIPTS: &str = "pkg/scripts/wasm";
/// The shipped code with the names of its functions, for [`crate::sizes`].
const NAMED: &str = "named.wasm";

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
        ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo", "src", "pkg/package-lock.json", SCRIPTS, RECIPE];
    let inputs = inputs.map(|input| workspace.path(input));
    let outputs = ["streamkeeper.js", "streamkeeper.d.ts", "streamkeeper_bg.wasm"];
    let outputs = outputs.map(|output| workspace.path("pkg/wasm").join(output));
    let outputs = [outputs.as_slice(), &[workspace.target(NAMED)]].concat();
    stamp::unless_done(&workspace.target("stamps/wasm"), &inputs, &outputs, || {
        say("building the wasm into pkg/wasm");
        let path = path_with(&catalogue::wasm_path(workspace))?;
        let mut wasm_pack = workspace.command(workspace.tools().join("bin/wasm-pack"));
        wasm_pack.env("PATH", &path);
        wasm_pack.env("CARGO_ENCODED_RUSTFLAGS", remap_paths(workspace));
        wasm_pack.args(["--log-level", "warn", "build", "--profile", "wasm"]);
        wasm_pack.args(["--target", "web", "--out-name", "streamkeeper"]);
        // pkg/ has a package.json of its own, and npm would heed a .gitignore there.
        wasm_pack.args(["--out-dir", "pkg/wasm", "--no-pack", "--no-gitignore"]);
        run(wasm_pack.args(["--", "--features", "package"]))?;
        let glue = workspace.path(SCRIPTS).join("glue.mjs");
        run(workspace.command("node").arg(glue).arg(workspace.target(NAMED)).env("PATH", path))
    })
}

/// The same sources give the same wasm on every machine, and it tells nobody where it was built.
fn remap_paths(workspace: &Workspace) -> String {
    let home = env::home_dir().unwrap_or_default();
    let cargo = env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let remap = |path: PathBuf, name: &str| format!("--remap-path-prefix={}={name}", path.display());
    [remap(cargo, "cargo"), remap(workspace.path(""), "streamkeeper/")].join("\x1f")
}

/// What each feature costs: its name, its bytes of code, and by how much the download is smaller without them.
pub fn features(workspace: &Workspace) -> Result<Vec<(String, usize, usize)>> {
    let mut node = workspace.command("node");
    node.arg(workspace.path(SCRIPTS).join("features.mjs")).arg(workspace.target(NAMED));
    let table = capture(node)?;
    let feature = |line: &str| {
        let mut fields = line.split('\t');
        let name = fields.next()?.to_owned();
        Some((name, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    table
        .lines()
        .map(|line| feature(line).ok_or_else(|| Failure::because(format!("features.mjs says {line:?}"))))
        .collect()
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
