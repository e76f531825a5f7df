/** The transport that `docs/guides/transports.md` writes, run as it stands there. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import ts from "typescript-5";
import { blocks, read } from "./docs.mjs";

const file = join(tmpdir(), `streamkeeper-lines-${process.pid}.mjs`);
let lines;
before(async () => {
  const { text } = blocks(await read("docs/guides/transports.md")).find(({ text }) => text.startsWith("// src/lines.ts\n"));
  const { outputText } = ts.transpileModule(text, { compilerOptions: { target: "es2022", module: "esnext" } });
  await writeFile(file, outputText);
  ({ lines } = await import(file));
});
after(() => rm(file, { force: true }));

/** A server that answers one token with a body that does not end, and everybody else with this status. */
async function serve(t, status = 401) {
  const bodies = [];
  const server = createServer((request, response) => {
    if (request.headers.authorization !== "Bearer good") return void response.writeHead(status).end();
    response.writeHead(200).write("\n");
    bodies.push(response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close().closeAllConnections());
  return { transport: lines(`http://127.0.0.1:${server.address().port}`), bodies };
}

/** What a manager gives to a transport, and what it hears of it. */
function opening(token) {
  const lost = withResolvers();
  const abort = new AbortController();
  return { user: { id: "ana" }, token, signal: abort.signal, abort: () => abort.abort(), alive: () => {}, lost: lost.resolve, isLost: lost.promise };
}

function withResolvers() {
  let resolve;
  return { promise: new Promise((settle) => (resolve = settle)), resolve };
}

test("messages come line by line, however they are cut", async (t) => {
  const { transport, bodies } = await serve(t);
  const client = await transport.open(opening("good"));
  const heard = [];
  const all = new Promise((resolve) => (client.onmessage = (message) => heard.push(message) === 2 && resolve()));
  bodies[0].write('{"a":');
  bodies[0].write('1}\n\n{"b":2}\n');
  await all;
  assert.deepEqual(heard, [{ a: 1 }, { b: 2 }]);
  await transport.close(client);
});

for (const [status, code] of [[401, "token"], [403, "refused"], [500, "lost"]]) {
  test(`${status} means "${code}"`, async (t) => {
    const { transport } = await serve(t, status);
    await assert.rejects(transport.open(opening("bad")), { code });
  });
}

test("a server that ends it has lost it", async (t) => {
  const { transport, bodies } = await serve(t);
  const asked = opening("good");
  await transport.open(asked);
  bodies[0].end();
  assert.equal(await asked.isLost, "the server has ended it");
});

test("what we close is gone for the server, and not lost", async (t) => {
  const { transport, bodies } = await serve(t);
  const asked = opening("good");
  let lost = false;
  void asked.isLost.then(() => (lost = true));
  const client = await transport.open(asked);
  await transport.close(client);
  await once(bodies[0], "close");
  assert.equal(lost, false);
});
