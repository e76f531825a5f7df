// Reads and writes the parts that WASM is made of.

/** What sections are called; the others are nobody's business here. */
export const [CUSTOM, IMPORTS, EXPORTS, ELEMENTS, CODE, DATA] = [0, 2, 7, 9, 10, 11];

/** "\0asm" and its version. */
const HEADER = 8;
/** In the section of names: those of functions. */
const FUNCTION_NAMES = 1;

/** Reads from bytes, one thing after another. */
export class Reader {
  #at = 0;

  constructor(bytes) {
    this.bytes = bytes;
  }

  get atEnd() {
    return this.#at === this.bytes.length;
  }

  byte() {
    return this.take(1)[0];
  }

  take(length) {
    return this.bytes.subarray(this.#at, (this.#at += length));
  }

  /** An unsigned LEB128 number. */
  number() {
    for (let value = 0, shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }

  /** As many bytes as the number before them says. */
  block() {
    return this.take(this.number());
  }

  text() {
    return this.block().toString("utf8");
  }

  /** As many things as the number before them says. */
  list(read) {
    return Array.from({ length: this.number() }, (_, index) => read(index));
  }
}

export const number = (value) => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...number(value >>> 7)]);

export const text = (words) => block(Buffer.from(words));

export const list = (items) => Buffer.concat([Buffer.from(number(items.length)), ...items.map((item) => Buffer.from(item))]);

const block = (bytes) => Buffer.concat([Buffer.from(number(bytes.length)), bytes]);

/** Its sections in their order: `{id, content}`. */
export function sections(wasm) {
  const reader = new Reader(wasm);
  reader.take(HEADER);
  const found = [];
  while (!reader.atEnd) found.push({ id: reader.byte(), content: reader.block() });
  return found;
}

/** WASM of these sections. */
export function assemble(wasm, sections) {
  return Buffer.concat([wasm.subarray(0, HEADER), ...sections.flatMap(({ id, content }) => [Buffer.from([id]), block(content)])]);
}

/** How many functions are imported. They are counted first. */
export const imported = (wasm) => new Reader(sections(wasm).find(({ id }) => id === IMPORTS).content).number();

/** The functions that have a body here: `{name, body}`. */
export function functions(wasm) {
  const parts = sections(wasm);
  const first = imported(wasm);
  const names = new Map(parts.filter(isNames).flatMap(({ content }) => functionNames(content)));
  const code = new Reader(parts.find(({ id }) => id === CODE).content);
  return code.list((index) => ({ name: names.get(first + index) ?? "", body: code.block() }));
}

/** The same with other names for those functions. */
export function renamed(wasm, names) {
  const first = imported(wasm);
  const entries = list(names.map((name, index) => [...number(first + index), ...text(name)]));
  const content = Buffer.concat([text("name"), Buffer.from([FUNCTION_NAMES]), block(entries)]);
  return assemble(wasm, [...sections(wasm).filter((part) => !isNames(part)), { id: CUSTOM, content }]);
}

const isNames = ({ id, content }) => id === CUSTOM && new Reader(content).text() === "name";

function functionNames(content) {
  const reader = new Reader(content);
  reader.text();
  while (!reader.atEnd) {
    const [kind, names] = [reader.byte(), new Reader(reader.block())];
    if (kind === FUNCTION_NAMES) return names.list(() => [names.number(), names.text()]);
  }
  return [];
}
