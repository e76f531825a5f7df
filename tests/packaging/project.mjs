/** Projects of other people, made new in a temporary directory, with the packed tarball installed by npm. */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const modules = fileURLToPath(new URL("node_modules/", import.meta.url));
const apps = fileURLToPath(new URL("apps/", import.meta.url));

export const tarball = process.env.STREAMKEEPER_TARBALL;
if (!tarball) throw new Error("STREAMKEEPER_TARBALL is missing: run `cargo xtask test packaging`");

/** The tarball's files, without the `package/` that npm puts before them. */
export async function listing() {
  const { stdout } = await run("tar", ["-tzf", tarball]);
  return stdout.trim().split("\n").map((name) => name.replace(/^package\//, "")).sort();
}

/**
 * A new project. `app`: one of `apps/`, with what its lock file names. `packages`: what it has installed besides, in the
 * versions of our own lock file.
 */
export async function createProject({ app, packages = [] } = {}) {
  const directory = await mkdtemp(join(tmpdir(), "streamkeeper-packaging-"));
  const path = (...names) => join(directory, ...names);
  await writeFile(path("package.json"), '{ "name": "somebodys-app", "private": true, "type": "module" }');
  if (app) await cp(join(apps, app), directory, { recursive: true });
  await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error", tarball], { cwd: directory });
  for (const name of packages) {
    await mkdir(dirname(path("node_modules", name)), { recursive: true });
    await symlink(join(modules, name), path("node_modules", name));
  }
  return {
    directory,
    /** Reads one of its own files. */
    source: (name) => readFile(path(name)),
    /** Reads one of the installed package's files. */
    read: (name) => readFile(path("node_modules/streamkeeper", name)),
    /** Where one of the installed package's files can be imported from. */
    url: (name) => pathToFileURL(path("node_modules/streamkeeper", name)).href,
    /** Imports what the project has under that name. */
    import: (name) => import(pathToFileURL(createRequire(path("main.js")).resolve(name)).href),
    async write(name, text) {
      await mkdir(dirname(path(name)), { recursive: true });
      await writeFile(path(name), text);
    },
    /** Runs a module in Node; gives what it prints, as JSON. */
    async evaluate(source) {
      await writeFile(path("main.mjs"), source);
      const { stdout } = await run(process.execPath, ["main.mjs"], { cwd: directory });
      return JSON.parse(stdout);
    },
    /** Runs a TypeScript compiler of ours over the project; throws with what it says. */
    async compile(compiler) {
      const tsc = join(modules, compiler, "bin/tsc");
      await run(process.execPath, [tsc, "-p", "."], { cwd: directory }).catch(({ stdout, message }) => {
        throw new Error(stdout || message);
      });
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
