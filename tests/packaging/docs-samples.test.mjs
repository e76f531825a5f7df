/** Every sample in the documents: TypeScript compiles against the package, SQL and shell parse. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { parse } from "libpg-query";
import { blocks, documents, read, root } from "./docs.mjs";
import { createProject } from "./project.mjs";

const run = promisify(execFile);
const GIVEN = new URL("docs-given.d.ts", import.meta.url);

/** What the samples import beside the package, as their readers install it. */
const PACKAGES = ["react", "react-dom", "@types/react", "@types/react-dom", "stream-chat", "@supabase/supabase-js", "@jitsi/react-sdk", "hls.js", "mpegts.js"];

let project;
before(async () => (project = await createProject({ packages: PACKAGES })));
after(() => project?.remove());

const samples = [];
for (const name of await documents()) {
  for (const block of blocks(await read(name))) samples.push({ name, ...block });
}
const inLanguage = (...languages) => samples.filter(({ language }) => languages.includes(language));

/** A document is a project of its own: a sample that begins with `// src/chat.ts` is that file, and others import it. */
function fileOf({ name, line, text }) {
  const [, path] = /^\/\/ ([\w./-]+\.tsx?)$/m.exec(text.split("\n")[0]) ?? [];
  return join("documents", name.replace(/\W/g, "-"), path ?? `src/line-${line}.tsx`);
}

test("TypeScript compiles, under strict settings", async () => {
  const files = inLanguage("ts", "tsx").map((sample) => ({ file: fileOf(sample), text: sample.text }));
  assert.ok(files.length >= 20);
  // The empty export makes a module of a sample that imports nothing.
  for (const { file, text } of files) await project.write(file, `${text}\nexport {};\n`);
  await project.write("given.d.ts", await readFile(GIVEN, "utf8"));
  const compilerOptions = {
    module: "esnext",
    moduleResolution: "bundler",
    target: "es2022",
    lib: ["es2022", "dom", "dom.iterable"],
    types: [],
    jsx: "react-jsx",
    strict: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: true,
    noEmit: true,
  };
  await project.write("tsconfig.json", JSON.stringify({ compilerOptions, files: ["given.d.ts", ...files.map(({ file }) => file)] }));
  await project.compile("typescript");
});

test("the READMEs' first app is the one that is built and opened, in 25 lines at most", async () => {
  const main = (await read("tests/packaging/apps/vite/src/main.tsx")).trimEnd();
  for (const name of ["README.md", "pkg/README.md"]) assert.ok(blocks(await read(name)).some(({ text }) => text === main), name);
  assert.ok(main.split("\n").length <= 25);
});

test("SQL parses, and every function of ours that it calls is there, with those arguments", async () => {
  const known = await functions();
  const wrong = [];
  for (const { name, line, text } of inLanguage("sql")) {
    const tree = await parse(text).catch((error) => ({ error }));
    if (tree.error) wrong.push(`${name}:${line}: ${tree.error.message}`);
    else wrong.push(...calls(tree).filter((call) => !isKnown(known, call)).map((call) => `${name}:${line}: ${call.name}(${call.named})`));
  }
  assert.deepEqual(wrong, []);
  assert.ok(known.has("start_stream") && !isKnown(known, { name: "start_stream", named: ["p_nothing"] }));
});

test("shell parses", async () => {
  for (const { name, line, text } of inLanguage("sh", "bash")) {
    await run("bash", ["-n", "-c", text]).catch(({ stderr }) => assert.fail(`${name}:${line}: ${stderr}`));
  }
});

test("JSON parses", () => {
  for (const { name, line, text } of inLanguage("json")) assert.doesNotThrow(() => JSON.parse(text), `${name}:${line}`);
});

test("every block says its language, and is looked at", () => {
  // Those for which there is nothing to look at with.
  const others = ["text", "yaml", "promql", "toml", "nginx", "html", "caddyfile"];
  const checked = ["ts", "tsx", "sql", "sh", "bash", "json", ...others];
  assert.deepEqual(samples.filter(({ language }) => !checked.includes(language)).map(({ name, line }) => `${name}:${line}`), []);
});

/** Every function of the migrations: its name, and the names of its arguments. */
async function functions() {
  const known = new Map();
  const folder = "supabase/migrations";
  for (const file of await readdir(join(root, folder))) {
    for (const { CreateFunctionStmt: made } of nodes(await parse(await read(join(folder, file))), "CreateFunctionStmt")) {
      const names = (made.parameters ?? []).map(({ FunctionParameter }) => FunctionParameter.name);
      const name = made.funcname.at(-1).String.sval;
      known.set(name, new Set([...(known.get(name) ?? []), ...names]));
    }
  }
  return known;
}

/** What a statement calls: the function's name, and the arguments that it names. */
function calls(tree) {
  return nodes(tree, "FuncCall").map(({ FuncCall: call }) => ({
    name: call.funcname.at(-1).String.sval,
    named: (call.args ?? []).flatMap(({ NamedArgExpr: argument }) => (argument ? [argument.name] : [])),
  }));
}

/** PostgreSQL's own and pg_cron's that the documents use; whatever else is called has to be one of ours. */
const BUILT_IN = ["schedule", "now", "max", "min", "sum", "count", "bool_or", "current_setting", "date_trunc"];

function isKnown(known, { name, named }) {
  if (!known.has(name)) return BUILT_IN.includes(name);
  return named.every((argument) => known.get(name).has(argument));
}

/** All nodes of a kind, however deep. */
function nodes(tree, kind) {
  if (typeof tree !== "object" || tree === null) return [];
  const here = Object.hasOwn(tree, kind) ? [tree] : [];
  return [...here, ...Object.values(tree).flatMap((child) => nodes(child, kind))];
}
