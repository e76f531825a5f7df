// One pass of `wasm-opt` over WASM that it has made before.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FILE = fileURLToPath(new URL("../../wasm/in-work.wasm", import.meta.url));
const FEATURES = ["reference-types", "multivalue", "bulk-memory", "nontrapping-float-to-int"];

/** Names of functions are kept. */
export function optimised(wasm, pass) {
  writeFileSync(FILE, wasm);
  execFileSync("wasm-opt", [FILE, "-o", FILE, pass, "--debuginfo", ...FEATURES.map((feature) => `--enable-${feature}`)]);
  const done = readFileSync(FILE);
  rmSync(FILE);
  return done;
}
