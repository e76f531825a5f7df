/** What a bench has measured, as a table, here and in `docs/benchmarks.md`. */
import { readFileSync, writeFileSync } from "node:fs";

const DOCUMENT = new URL("../docs/benchmarks.md", import.meta.url);

/** The rows of a table, the first of which is its head. */
export function table([head, ...body]) {
  return [head, head.map(() => "---"), ...body].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** Which release of a package of `benches/` this is: `p-retry 9.0.0`. */
export function release(name) {
  const { version } = JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), "utf8"));
  return `${name} ${version}`;
}

/** Prints it, and puts it between its markers. */
export function report(name, text) {
  console.log(text);
  const [start, stop] = [`<!-- ${name}: written by the bench -->`, `<!-- /${name} -->`];
  const document = readFileSync(DOCUMENT, "utf8");
  const [head, rest] = document.split(start);
  if (!rest?.includes(stop)) throw new Error(`docs/benchmarks.md has no place for ${name}: ${start}`);
  writeFileSync(DOCUMENT, `${head}${start}\n${text}\n${stop}${rest.split(stop)[1]}`);
}
