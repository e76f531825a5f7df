// Takes out what would write texts for panics. Nobody writes them (see `src/runtime.rs`), but the compiler cannot know: their
// parts are in the table of what is called by its place in it.
import { assemble, ELEMENTS, functions, imported, list, number, Reader, sections } from "./format.mjs";

/** How one kind of value is written; called by its place only. */
const FORMATS = / as core(\[\w+\])?::fmt::\w+>::fmt\b/;
/** What calls those. As long as it is not there, nothing does. */
const CALLER = /\bcore(\[\w+\])?::fmt::write\b/;
const I32_CONST = 0x41;

/** The same WASM, in which something else stands in the table for them: what is then left of them `wasm-opt` takes away. */
export function withoutFormatting(wasm) {
  const names = functions(wasm).map(({ name }) => name);
  if (names.some((name) => CALLER.test(name))) throw new Error("something formats texts: see docs/size.md");
  const isFormat = (index) => FORMATS.test(names[index - imported(wasm)] ?? "");
  const parts = sections(wasm);
  return assemble(wasm, parts.map(({ id, content }) => ({ id, content: id === ELEMENTS ? elements(content, isFormat) : content })));
}

/** Wherever one of these stood, the first other one does. */
function elements(content, isFormat) {
  const reader = new Reader(content);
  return list(
    reader.list(() => {
      const [kind, opcode, offset, end] = [reader.number(), reader.byte(), reader.number(), reader.byte()];
      if (kind !== 0 || opcode !== I32_CONST || offset > 63) throw new Error("the table is not of the kind that there was");
      const places = reader.list(() => reader.number());
      const other = places.find((index) => !isFormat(index));
      return [kind, opcode, offset, end, ...list(places.map((index) => number(isFormat(index) ? other : index)))];
    }),
  );
}
