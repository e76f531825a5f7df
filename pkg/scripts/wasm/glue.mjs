// Makes what wasm-bindgen has written small. Its functions are put in an order that gzip likes. Imports and exports get
// names of one or two letters instead of long ones with a hash, which no compression can shorten, in the WASM and in the
// glue at once. What nobody reads in a browser goes: the names of functions, what a panic says and where it has come from.
// Then the glue is minified. What still has the names of functions is written to the file that is given.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { minify } from "terser";
import { assemble, CUSTOM, DATA, EXPORTS, IMPORTS, list, number, Reader, sections, text } from "./format.mjs";
import { withoutFormatting } from "./formatting.mjs";
import { optimised } from "./optimised.mjs";
import { ordered } from "./order.mjs";

const FUNCTION = 0;
const MODULE = "a";
const WASM = new URL("../../wasm/streamkeeper_bg.wasm", import.meta.url);
const GLUE = new URL("../../wasm/streamkeeper.js", import.meta.url);
/** Names of source files; see `src/runtime.rs` for why nobody reads them. */
const SOURCES = /(?:\/rustc\/|cargo\/|src\/)[\w/.-]+?\.rs/g;

let glue = readFileSync(GLUE, "utf8");

/** a, b … z, aa, ab … */
const letters = (index) => (index < 26 ? "" : letters(Math.floor(index / 26) - 1)) + String.fromCharCode(97 + (index % 26));

/** Writes something else for what the glue has exactly once. */
function replace(before, after) {
  const parts = glue.split(before);
  if (parts.length !== 2) throw new Error(`the glue has ${parts.length - 1} of ${before}`);
  glue = parts.join(after);
}

/** The imports, all of one module, with short names. */
function imports(content) {
  const reader = new Reader(content);
  return list(
    reader.list((index) => {
      const module = reader.text();
      if (index === 0) replace(`${JSON.stringify(module)}: `, `${MODULE}: `);
      const name = reader.text();
      if (reader.byte() !== FUNCTION) throw new Error(`${name} is not a function`);
      replace(`${name}: `, `${letters(index)}: `);
      return [...text(MODULE), ...text(letters(index)), FUNCTION, ...number(reader.number())];
    }),
  );
}

/** The exports, with short names. */
function exports(content) {
  const reader = new Reader(content);
  return list(
    reader.list((index) => {
      glue = glue.replaceAll(new RegExp(`\\bwasm\\.${reader.text()}\\b`, "g"), `wasm.${letters(index)}`);
      return [...text(letters(index)), reader.byte(), ...number(reader.number())];
    }),
  );
}

/** Texts and tables, without the names of source files. Their places stay, for others are counted from there. */
function data(content) {
  return Buffer.from(content.toString("latin1").replace(SOURCES, (name) => "\0".repeat(name.length)), "latin1");
}

const named = ordered(optimised(withoutFormatting(readFileSync(WASM)), "--remove-unused-module-elements"));
const shorter = { [IMPORTS]: imports, [EXPORTS]: exports, [DATA]: data };
const kept = sections(named).filter(({ id }) => id !== CUSTOM);
writeFileSync(WASM, assemble(named, kept.map(({ id, content }) => ({ id, content: shorter[id]?.(content) ?? content }))));
writeFileSync(process.argv[2], named);

// Nobody starts it synchronously.
replace("export { initSync, __wbg_init as default };", "export { __wbg_init as default };");
const { code } = await minify(glue, {
  module: true,
  ecma: 2020,
  compress: { passes: 3, unsafe_arrows: true, unsafe_methods: true },
  mangle: { properties: { regex: /^_+(wbg|destroy)/ } },
});
writeFileSync(GLUE, code);
// It has the long names.
rmSync(new URL("../../wasm/streamkeeper_bg.wasm.d.ts", import.meta.url));
