// Makes what wasm-bindgen has written small: each import gets a name of one or two letters instead of one with a hash, which no
// compression can shorten, in the WASM and in the glue at once; then the glue is minified.
import { readFileSync, writeFileSync } from "node:fs";
import { minify } from "terser";

const IMPORTS = 2;
const FUNCTION = 0;
const MODULE = "a";
const WASM = new URL("../wasm/streamkeeper_bg.wasm", import.meta.url);
const GLUE = new URL("../wasm/streamkeeper.js", import.meta.url);

const wasm = readFileSync(WASM);
let glue = readFileSync(GLUE, "utf8");
let at = 8;

/** An unsigned LEB128 number. */
function number() {
  for (let value = 0, shift = 0; ; shift += 7) {
    const byte = wasm[at++];
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

const bytes = (value) => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...bytes(value >>> 7)]);

/** a, b … z, aa, ab … */
const letters = (index) => (index < 26 ? "" : letters(Math.floor(index / 26) - 1)) + String.fromCharCode(97 + (index % 26));

function text() {
  const length = number();
  return wasm.toString("utf8", at, (at += length));
}

const named = (name) => [...bytes(name.length), ...Buffer.from(name)];

/** Renames a member of an object literal in the glue: there must be exactly one. */
function rename(member, short) {
  const [before, after, ...more] = glue.split(`${member}: `);
  if (after === undefined || more.length) throw new Error(`the glue has not one ${member}`);
  glue = `${before}${short}: ${after}`;
}

/** The section of imports, with short names. */
function imports() {
  const count = number();
  const section = bytes(count);
  for (let index = 0; index < count; index++) {
    const module = text();
    if (index === 0) rename(JSON.stringify(module), MODULE);
    const name = text();
    if (wasm[at++] !== FUNCTION) throw new Error(`${name} is not a function`);
    const short = letters(index);
    rename(name, short);
    section.push(...named(MODULE), ...named(short), FUNCTION, ...bytes(number()));
  }
  return section;
}

const sections = [wasm.subarray(0, at)];
while (at < wasm.length) {
  const start = at;
  const id = wasm[at++];
  const end = number() + at;
  if (id === IMPORTS) {
    const section = imports();
    sections.push(Buffer.from([IMPORTS, ...bytes(section.length), ...section]));
  } else {
    sections.push(wasm.subarray(start, (at = end)));
  }
}
writeFileSync(WASM, Buffer.concat(sections));

const { code } = await minify(glue, { module: true, ecma: 2020, compress: { passes: 3 } });
writeFileSync(GLUE, code);
