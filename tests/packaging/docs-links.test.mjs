/** What the documents point to is there: files, headings, tests, commands. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { anchors, blocks, documents, links, prose, read, root } from "./docs.mjs";

/** What `find` finds wrong in each document, behind the document's name. */
async function inAll(find) {
  const names = await documents();
  const found = await Promise.all(names.map(async (name) => find(name, await read(name))));
  return names.flatMap((name, index) => found[index].map((wrong) => `${name}: ${wrong}`));
}

test("every link leads to a file and a heading that are there", async () => {
  const isDead = async (name, target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [path, anchor] = target.split("#");
    const file = path === "" ? name : normalize(join(dirname(name), path));
    // npm shows the package's README where the rest of the checkout is not.
    if (!existsSync(join(root, file)) || (name.startsWith("pkg/") && !file.startsWith("pkg/"))) return true;
    return anchor !== undefined && !anchors(await read(file)).includes(anchor);
  };
  const dead = await inAll(async (name, markdown) => {
    const targets = links(markdown);
    const are = await Promise.all(targets.map((target) => isDead(name, target)));
    return targets.filter((_, index) => are[index]);
  });
  assert.deepEqual(dead, []);
});

test("every command is one that there is", async () => {
  const usage = { "cargo xtask": await read("xtask/src/cli.rs"), "streamkeeper-gateway": await read("gateway/src/cli.rs") };
  const unknown = await inAll((_, markdown) =>
    [...markdown.matchAll(/(cargo xtask|streamkeeper-gateway) ([a-z][a-z-]+)/g)]
      .filter(([, program, command]) => !usage[program].match(/USAGE[\s\S]*?";/)[0].match(/[\w-]+/g).includes(command))
      .map(([line]) => line),
  );
  assert.deepEqual(unknown, []);
});

test("every setting of the gateway is in docs/operations.md, and no other", async () => {
  const folder = "gateway/src/config";
  const sources = await Promise.all((await readdir(join(root, folder))).map((file) => read(join(folder, file))));
  const code = sources.map((source) => source.split("#[cfg(test)]")[0]);
  const settings = code.flatMap((source) => [...source.matchAll(/"([A-Z]{2,}(?:_[A-Z]+)*)"/g)].map(([, name]) => name));
  const table = [...(await read("docs/operations.md")).matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name]) => name);
  // What is logged is up to the library that logs.
  assert.deepEqual([...new Set(table)].sort(), [...new Set([...settings, "RUST_LOG"])].sort());
});

/** Below these, in this order, is what the coverage names. */
const FOLDERS = ["tests", "src", "pkg/src", "."];

test("docs/coverage.md names files and tests that exist", async () => {
  const absent = [];
  for (const line of (await read("docs/coverage.md")).split("\n")) {
    let last = null;
    for (const [, code] of line.matchAll(/`([^`]+)`/g)) {
      const [path, title] = code.split("›").map((part) => part.trim());
      const isPath = /^[\w./-]+\/[\w.-]+\.(rs|mjs|ts|tsx|sql|md)$/.test(path);
      // `› another test` is one of the file that was named before it.
      if (!isPath && !(path === "" && title && last)) continue;
      if (isPath) last = path;
      const files = FOLDERS.map((folder) => join(folder, last)).filter((file) => existsSync(join(root, file)));
      const titles = (await Promise.all(files.map(read))).flatMap(titlesIn);
      if (files.length === 0 || (title && !titles.some((known) => fits(known, title)))) absent.push(title ? `${last} › ${title}` : last);
    }
  }
  assert.deepEqual(absent, []);
});

test("docs/coverage.md: every row says what shows it", async () => {
  const rows = (await read("docs/coverage.md")).split("\n").filter((line) => /^\|(?! *-)/.test(line));
  const cells = rows.map((row) => row.replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim()));
  assert.ok(cells.length > 50);
  assert.deepEqual(cells.filter((row) => row.at(-1) === ""), []);
});

test("the reference has every entry of the package", async () => {
  const { exports } = JSON.parse(await read("pkg/package.json"));
  const scripts = Object.values(exports).flatMap((entry) => entry.default?.match(/dist\/([\w-]+)\.js$/)?.[1] ?? []);
  const { entryPoints } = JSON.parse(await read("docs/reference/typedoc.json"));
  const documented = entryPoints.map((path) => /([\w-]+)\.tsx?$/.exec(path)[1]);
  // The inlined entry exports what the default one does.
  assert.deepEqual(documented.sort(), scripts.filter((name) => name !== "inline").sort());
});

/** The names of the tests in a file, Rust or JavaScript. */
function titlesIn(source) {
  const rust = [...source.matchAll(/\bfn (\w+)/g)].map(([, name]) => name);
  // By whatever name: suites have functions of their own that call `test`.
  const node = [...source.matchAll(/^\s*\w+\(\s*(["'`])((?:(?!\1).)+)\1/gm)].map(([, , title]) => title);
  return [...rust, ...node];
}

/** Whether a title may be meant: `…` stands for anything there, `${…}` for anything here. */
function fits(known, meant) {
  const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const [here, there] = [known.replace(/\$\{[^}]*\}/g, "…"), meant].map((text) => text.split(/ ?… ?/).map(escape).join(".*"));
  return new RegExp(`^${there}$`, "s").test(known) || new RegExp(`^${here}$`, "s").test(meant);
}

test("the checks find what is wrong", () => {
  assert.deepEqual(links("[a](b.md#c) `[x](y)` ![d](e.png)\n```\n[f](g)\n```\n[h]: i.md"), ["b.md#c", "e.png", "i.md"]);
  assert.deepEqual(anchors("# 002: the *mail*\n## A `b`\n## A b"), ["002-the-mail", "a-b", "a-b-1"]);
  assert.deepEqual(blocks("```ts\na\n```\nb\n```sql\nc\n```"), [{ language: "ts", line: 1, text: "a" }, { language: "sql", line: 5, text: "c" }]);
  assert.equal(prose("a\n```\nb\n```\nc").includes("b"), false);
  assert.deepEqual(titlesIn('fn some_test() {}\ntest("a b", t);\ntest(`after ${code}`, t)'), ["some_test", "a b", "after ${code}"]);
  assert.ok(fits("seed_test_1_by_hand", "seed_test_1_…") && fits("after ${code}", "after 4401"));
  assert.ok(!fits("a_test", "another_test") && !fits("after ${code}", "before 4401"));
});
