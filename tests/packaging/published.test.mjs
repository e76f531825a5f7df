/** What two linters of packages have to say of the tarball. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { tarball } from "./project.mjs";

const run = promisify(execFile);

async function clean(linter, ...args) {
  const tool = fileURLToPath(new URL(`node_modules/.bin/${linter}`, import.meta.url));
  await run(tool, args, { env: { ...process.env, NO_COLOR: "1" } }).catch(({ stdout, stderr, message }) =>
    assert.fail(stdout || stderr || message),
  );
}

test("publint has nothing to suggest", () => clean("publint", "run", tarball, "--strict"));

// ESM only: Node's `require` takes it as well, but TypeScript does not believe that before `module: node20`. `./wasm` is a
// file and no module.
test("no types are wrong", () => clean("attw", tarball, "--profile", "esm-only", "--exclude-entrypoints", "wasm"));
