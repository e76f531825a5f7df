/** The package in plain Node: on a server, and where there is no window. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createProject } from "./project.mjs";

let bare;
let withReact;
before(async () => {
  bare = await createProject();
  withReact = await createProject({ packages: ["react", "react-dom"] });
});
after(() => Promise.all([bare?.remove(), withReact?.remove()]));

for (const entry of ["streamkeeper", "streamkeeper/inline"]) {
  test(`importing ${entry} throws nothing and touches no global`, async () => {
    const found = await bare.evaluate(`
      const before = Reflect.ownKeys(globalThis);
      const module = await import("${entry}");
      const added = Reflect.ownKeys(globalThis).filter((key) => !before.includes(key)).map(String);
      console.log(JSON.stringify({ added, exported: Object.keys(module).sort() }));
    `);
    assert.deepEqual(found, {
      added: [],
      exported: ["ConnectionManager", "INITIAL_SNAPSHOT", "StreamkeeperError", "default", "streamChat", "webSocket"],
    });
  });
}

test("importing streamkeeper/react touches no global, and a server renders with it", async () => {
  const found = await withReact.evaluate(`
    import { createElement } from "react";
    import { renderToString } from "react-dom/server";
    const before = Reflect.ownKeys(globalThis);
    const { StreamkeeperProvider, useSnapshot, useStream } = await import("streamkeeper/react");
    const App = () => useSnapshot((snapshot) => snapshot.phase) + " " + String(useStream(null).stream);
    const html = renderToString(createElement(StreamkeeperProvider, {}, createElement(App)));
    const added = Reflect.ownKeys(globalThis).filter((key) => !before.includes(key)).map(String);
    console.log(JSON.stringify({ added, html }));
  `);
  assert.deepEqual(found, { added: [], html: "loading null" });
});

/** What `ConnectionManager.shared` does in Node after a given init. */
const tryShared = (config) => `
  try {
    console.log(JSON.stringify(ConnectionManager.shared(${config}).getSnapshot().phase));
  } catch ({ name, code, message }) {
    console.log(JSON.stringify({ name, code, message }));
  }
`;

test("before init(), shared() says so", async () => {
  const found = await bare.evaluate(`import { ConnectionManager } from "streamkeeper"; ${tryShared("")}`);
  assert.equal(found.code, "not_initialised");
});

const inlined = 'import init, { ConnectionManager } from "streamkeeper/inline"; await init();';
const fromFile = `
  import init, { ConnectionManager } from "streamkeeper";
  import { readFile } from "node:fs/promises";
  await init(await readFile(new URL(import.meta.resolve("streamkeeper/wasm"))));
`;

for (const [name, load] of [["./inline", inlined], ["the bytes of ./wasm", fromFile]]) {
  test(`with ${name} the WASM runs, and checks its configuration`, async () => {
    assert.equal(await bare.evaluate(`${load} ${tryShared("{}")}`), "ready");
    const found = await bare.evaluate(`${load} ${tryShared("{ ending: { delays: [-1] } }")}`);
    assert.equal(found.name, "StreamkeeperError");
    assert.equal(found.code, "invalid_config");
    for (const word of ["ending.delays[0]", "-1", "10", "2147483647"]) {
      assert.ok(found.message.includes(word), found.message);
    }
  });
}

test("a WASM that cannot be had is `unavailable`, and may be tried again", async () => {
  const found = await bare.evaluate(`
    import init, { ConnectionManager } from "streamkeeper/inline";
    const first = await init(new Uint8Array(8)).catch(({ code }) => code);
    await init();
    console.log(JSON.stringify([first, ConnectionManager.shared().getSnapshot().phase]));
  `);
  assert.deepEqual(found, ["unavailable", "ready"]);
});

test("a Node that has made a manager and disposed of it can exit", async () => {
  const found = await bare.evaluate(`
    ${inlined}
    const manager = ConnectionManager.shared({ backend: { url: "http://127.0.0.1:9" } });
    const call = manager.getStreamStatus("0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11").catch(({ code }) => code);
    await manager.dispose();
    console.log(JSON.stringify(await call));
  `);
  assert.equal(found, "disposed");
});
