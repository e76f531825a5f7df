// Presence at events, by the façade on the built package.
import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import { audience, EVENT, eventGateway, OTHER, turnAway, types, until } from "./event-gateway.mjs";

const ENTRY = new URL("../../pkg/dist/inline.js", import.meta.url);
const SLOT = Symbol.for("streamkeeper");

let entry;
before(async () => {
  entry = await import(ENTRY.href);
  await entry.default();
});
afterEach(() => globalThis[SLOT]?.manager?.dispose());

/** An identity provider's token of somebody, the `n`th. */
const token = (user, n) => `x.${Buffer.from(JSON.stringify({ sub: user, n })).toString("base64url")}.x`;

async function setUp(t, config = {}) {
  const server = await eventGateway(t);
  const tokens = [];
  const accessToken = () => {
    tokens.push(token("ana", tokens.length));
    return tokens.at(-1);
  };
  const manager = entry.ConnectionManager.shared({
    backend: { url: server.url, gatewayUrl: server.url, accessToken },
    reconnect: { delay: 20, maxDelay: 40 },
    logger: {},
    ...config,
  });
  const is = (status, id = EVENT) => until(manager, ({ events }) => events[id]?.status === status);
  return { server, manager, tokens, is };
}

test("a page is one viewer, however many watch in it; the token is in the first message and nowhere else", async (t) => {
  const { server, manager, tokens, is } = await setUp(t);
  const counts = [];
  manager.on("viewers", (event) => counts.push(event));
  const [first, second] = [manager.watchEvent(EVENT), manager.watchEvent(EVENT.toUpperCase())];
  assert.equal(first.viewers(), null);
  await is("open");
  assert.deepEqual([server.opened, first.viewers(), second.viewers()], [1, 1, 1]);
  assert.deepEqual(counts, [{ eventId: EVENT, count: 1 }]);
  const [{ pathname, search }] = server.knocks;
  assert.deepEqual([pathname, search], [`/events/${EVENT}/ws`, ""]);
  assert.deepEqual(server.heard.map(JSON.parse), [{ type: "hello", token: tokens.at(-1) }]);
  for (const seen of [manager.exportTrace(), JSON.stringify(manager.getSnapshot())]) {
    for (const given of tokens) assert.ok(!seen.includes(given));
  }

  server.broadcast({ type: "viewers", count: 1_000_000 });
  await until(manager, ({ events }) => events[EVENT].viewers === 1_000_000);
  assert.equal(first.viewers(), 1_000_000);

  first.leave();
  first.leave();
  assert.deepEqual([first.viewers(), second.viewers()], [null, 1_000_000], "one of the two still looks");
  second.leave();
  assert.deepEqual(manager.getSnapshot().events, {});
  await server.empty();
  assert.deepEqual(types(server), ["hello", "bye"]);
});

test("two events are two sockets, and neither knows of the other", async (t) => {
  const { server, manager, is } = await setUp(t);
  const [one] = [manager.watchEvent(EVENT), manager.watchEvent(OTHER)];
  await Promise.all([is("open"), is("open", OTHER)]);
  assert.equal(server.sockets.size, 2);
  one.leave();
  assert.deepEqual(Object.keys(manager.getSnapshot().events), [OTHER]);
  assert.equal(manager.getSnapshot().events[OTHER].status, "open");
});

test("dispose() says goodbye, and leaves no socket behind", async (t) => {
  const { server, manager, is } = await setUp(t);
  const watch = manager.watchEvent(EVENT);
  await is("open");
  await manager.dispose();
  await server.empty();
  assert.deepEqual(types(server), ["hello", "bye"]);
  watch.leave();
  assert.equal(watch.viewers(), null);
  assert.throws(() => manager.watchEvent(EVENT), { code: "disposed" });
  await server.settled();
  assert.equal(server.opened, 1);
});

test("whoever leaves before the gateway has opened has never been there", async (t) => {
  const { server, manager } = await setUp(t);
  const knock = server.hold();
  const watch = manager.watchEvent(EVENT);
  const { tcp } = await knock;
  const gone = new Promise((resolve) => tcp.once("close", resolve));
  watch.leave();
  await gone;
  assert.deepEqual([server.opened, server.heard, manager.getSnapshot().events], [0, [], {}]);
});

test("a socket that is lost is replaced, with a fresh token", async (t) => {
  const { server, manager, tokens, is } = await setUp(t);
  manager.watchEvent(EVENT);
  await is("open");
  server.drop();
  await is("connecting");
  assert.equal(manager.getSnapshot().events[EVENT].viewers, null, "nobody knows now");
  await is("open");
  const hellos = server.heard.map((message) => JSON.parse(message).token);
  assert.deepEqual([hellos.length, new Set(hellos).size], [2, 2]);
  assert.equal(hellos[1], tokens.at(-1));
});

test("a token that has run out is replaced at once", async (t) => {
  // Were it a failure like others, it would be tried again after the pause.
  const { server, manager, is } = await setUp(t, { reconnect: { delay: 600_000, maxDelay: 600_000 } });
  server.manner = turnAway(4401);
  manager.watchEvent(EVENT);
  await server.admission();
  server.manner = audience;
  await is("open");
  assert.equal(server.opened, 2);
});

for (const [code, status] of [
  [4403, "refused"],
  [4404, "refused"],
  [4410, "ended"],
]) {
  test(`after ${code} it is ${status}, and nobody tries again until somebody asks`, async (t) => {
    const { server, manager, is } = await setUp(t);
    server.manner = turnAway(code);
    const watch = manager.watchEvent(EVENT);
    await is(status);
    // Longer than any pause between two tries.
    await new Promise((resolve) => setTimeout(resolve, 100));
    await server.settled();
    assert.deepEqual([server.opened, manager.getSnapshot().events[EVENT].viewers], [1, null]);

    server.manner = audience;
    watch.leave();
    manager.watchEvent(EVENT);
    await is("open");
  });
}

test("whoever has not signed in shows the API key", async (t) => {
  const server = await eventGateway(t);
  const backend = { url: server.url, gatewayUrl: server.url, apiKey: "sb_publishable_test" };
  const manager = entry.ConnectionManager.shared({ backend, logger: {} });
  manager.watchEvent(EVENT);
  await until(manager, ({ events }) => events[EVENT]?.status === "open");
  assert.deepEqual(JSON.parse(server.heard[0]), { type: "hello", apikey: "sb_publishable_test" });
});

test("how many there are is asked for", async (t) => {
  const { server, manager } = await setUp(t);
  server.rest = [200, { viewers: 7, users: 5 }];
  assert.equal(await manager.getEventClients(EVENT), 7);
  server.rest = [200, { viewers: 40, users: 30, events: 2, nodes: 1 }];
  assert.equal(await manager.getTotalClients(), 40);
  assert.equal(server.opened, 0);
});

test("what is wrong with a call is said, and nobody knocks", async (t) => {
  const { server, manager } = await setUp(t);
  assert.throws(() => manager.watchEvent("event"), (error) => error.code === "invalid_argument" && /"event"/.test(error.message));
  assert.throws(() => manager.watchEvent(""), { code: "invalid_argument" });
  await assert.rejects(manager.getEventClients("event"), { code: "invalid_argument" });
  await manager.dispose();
  const without = entry.ConnectionManager.shared({ logger: {} });
  assert.throws(() => without.watchEvent(EVENT), { code: "no_backend" });
  await server.settled();
  assert.deepEqual([server.opened, server.knocks], [0, []]);
});
