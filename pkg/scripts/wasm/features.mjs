// What each feature costs: prints its name, its bytes of code, and by how much gzip's result is smaller without them. The
// file that is given has the names of functions. What the compiler has inlined counts where it has ended up.
import { readFileSync } from "node:fs";
import { constants, gzipSync } from "node:zlib";
import { CODE, CUSTOM, functions, sections } from "./format.mjs";

/** By the modules of `src/engine` and `src/browser`. */
const FEATURES = {
  chat: ["chat", "connecting", "retry", "usage"],
  "ending and leases": ["awake", "delivering", "ending", "holding", "lease", "outbox", "owing", "redirect", "streams"],
  "rooms and listing": ["listing", "room", "rooms"],
  viewers: ["watching"],
  meetings: ["meeting"],
  sessions: ["sessions"],
  "presence and page": ["page", "presence"],
  "calls and answers": ["action", "backend"],
  configuration: ["config"],
  trace: ["trace", "traced_input", "traced_output", "redacted", "started"],
};
const REST = "manager, driver, values";
const LIBRARIES = "Rust's and bindings";
const DATA = "texts and tables";

function featureOf(name) {
  const [, module] = name.match(/\bstreamkeeper::(?:engine::|browser::)?(\w+)/) ?? name.match(/ (rawmanager)_/) ?? [];
  if (module === undefined) return LIBRARIES;
  return Object.keys(FEATURES).find((feature) => FEATURES[feature].includes(module)) ?? REST;
}

const wasm = readFileSync(process.argv[2]);
const all = functions(wasm).map(({ name, body }) => ({ feature: featureOf(name), body }));
const data = sections(wasm).filter(({ id }) => id !== CODE && id !== CUSTOM).map(({ content }) => content);

const bytes = (parts) => parts.reduce((sum, { length }) => sum + length, 0);
const gzipped = (...parts) => gzipSync(Buffer.concat(parts.flat()), { level: constants.Z_BEST_COMPRESSION }).length;
const bodies = (wanted) => all.filter(({ feature }) => wanted(feature)).map(({ body }) => body);

const whole = gzipped(data, bodies(() => true));
for (const feature of [...Object.keys(FEATURES), REST, LIBRARIES]) {
  const without = gzipped(data, bodies((other) => other !== feature));
  console.log([feature, bytes(bodies((other) => other === feature)), whole - without].join("\t"));
}
console.log([DATA, bytes(data), whole - gzipped(bodies(() => true))].join("\t"));
