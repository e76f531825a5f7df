/** What is in the tarball, and nothing else. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createProject, listing } from "./project.mjs";

const MEANT = [
  /^package\.json$/,
  /^(README\.md|LICENSE(-MIT|-APACHE)?|CHANGELOG\.md)$/,
  /^dist\/((transports|react|players)\/)?[a-z0-9-]+\.(js|d\.ts)$/,
  /^dist\/react\.css(\.d\.ts)?$/,
  /^wasm\/streamkeeper\.(js|d\.ts)$/,
  /^wasm\/streamkeeper_bg\.wasm(\.d\.ts)?$/,
];

let project;
before(async () => (project = await createProject()));
after(() => project?.remove());

test("every file is one that is meant to be there", async () => {
  const strangers = (await listing()).filter((name) => !MEANT.some((meant) => meant.test(name)));
  assert.deepEqual(strangers, []);
});

test("the WASM and its glue, the README and the licences are there", async () => {
  const files = await listing();
  const wasm = ["wasm/streamkeeper.js", "wasm/streamkeeper_bg.wasm", "dist/wasm-base64.js"];
  const needed = ["package.json", "README.md", "LICENSE-APACHE", "LICENSE-MIT", ...wasm];
  assert.deepEqual(needed.filter((name) => !files.includes(name)), []);
  const magic = (await project.read("wasm/streamkeeper_bg.wasm")).subarray(0, 4);
  assert.equal(magic.toString("latin1"), "\0asm");
});

test("the inlined WASM is the file's", async () => {
  const wasm = (await project.read("wasm/streamkeeper_bg.wasm")).toString("base64");
  assert.ok((await project.read("dist/wasm-base64.js")).toString().includes(wasm));
});

test("everything that package.json points to exists", async () => {
  const { exports } = JSON.parse(await project.read("package.json"));
  const targets = (value) => (typeof value === "string" ? [value] : Object.values(value).flatMap(targets));
  const files = await listing();
  const absent = targets(exports).filter((target) => !files.includes(target.replace(/^\.\//, "")));
  assert.deepEqual(absent, []);
  assert.deepEqual(Object.keys(exports).sort(), [".", "./inline", "./package.json", "./players", "./react", "./react.css", "./wasm"]);
});

test("it brings no dependency along, and runs nothing when it is installed", async () => {
  const { dependencies, scripts = {} } = JSON.parse(await project.read("package.json"));
  assert.equal(dependencies, undefined);
  assert.deepEqual(Object.keys(scripts).filter((name) => /install|prepare/.test(name)), []);
});

test("the stylesheet moves nothing, so that there is nothing to reduce for those who want less of it", async () => {
  assert.doesNotMatch(String(await project.read("dist/react.css")), /\b(animation|transition|transform|scroll-behavior)\b/);
});
