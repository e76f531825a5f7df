// Every public method, called with what nobody should call it with: whoever does gets a StreamkeeperError, and whoever comes
// after them finds everything as it was.
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { join } from "node:path";

const PACKAGE = fileURLToPath(new URL("../../pkg/", import.meta.url));
const ID = "0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11";
const CALLS = process.env.STREAMKEEPER_SOAK ? 200_000 : 2_000;

let entry;
before(async () => {
  entry = await import(pathToFileURL(join(PACKAGE, "dist/inline.js")).href);
  await entry.default();
});

/** mulberry32: the same seed, the same calls. */
function random(seed) {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const throws = () => {
  throw new TypeError("nobody's business");
};

/** One of everything, each made anew. */
const GARBAGE = [
  ...[undefined, null, true, NaN, Infinity, -0, 0, 1, -1, 0.5, 1e308, 5n, Symbol("s"), Symbol.iterator].map((value) => () => value),
  ...["", " ", "\0", "a\r\nb", "\ud800", "\u202eevil", "__proto__", "x".repeat(100_000), `${ID} `].map((value) => () => value),
  () => throws,
  () => async () => throws(),
  () => class {},
  () => new Date(NaN),
  () => new Map([["a", 1]]),
  () => new Uint8Array(8),
  () => new String(ID),
  () => new EventEmitter(),
  () => globalThis,
  () => Promise.resolve(1),
  () => new Array(4_294_967_295),
  () => [1, , 3],
  () => [],
  () => ({}),
  () => Object.create(null),
  () => JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}'),
  () => ({ get streamId() { return throws(); }, get url() { return throws(); }, get stop() { return throws(); } }),
  () => ({ then: throws, toString: throws, valueOf: throws, toJSON: throws, [Symbol.toPrimitive]: throws }),
  () => new Proxy({}, { get: throws, has: throws, ownKeys: throws, getPrototypeOf: throws, getOwnPropertyDescriptor: throws }),
  () => new Proxy([1], { get: throws }),
  () => new Proxy(throws, { get: throws, apply: throws }),
  () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  () => {
    const { proxy, revoke } = Proxy.revocable([], {});
    revoke();
    return proxy;
  },
  () => {
    const cycle = { list: [] };
    for (const key of "abc") cycle[key] = cycle;
    cycle.list.push(cycle, cycle);
    return cycle;
  },
  () => {
    let deep = {};
    for (let depth = 0; depth < 1_000; depth++) deep = { deep };
    return deep;
  },
];

const session = () => ({ key: ID, kind: "hls", stop() {}, isOpen: () => true });
const config = () => ({
  chat: { open: async () => ({}), close() {} },
  backend: { url: "http://backend.test", apiKey: "key", gatewayUrl: "http://gateway.test", accessToken: () => "token" },
  inactivity: { timeout: 300_000, prompt: null, hiddenGrace: 60_000, whileLive: "stay" },
  reconnect: { delay: 2_000, maxDelay: 30_000, jitter: true },
  health: { interval: 30_000, timeout: 10_000 },
  ending: { delays: [1_000], maxAttempts: 3, timeout: 10_000, leaveGrace: 4_000, onPageHide: "grace", hostGrace: 30_000 },
  logger: { debug() {}, info() {}, warn() {}, error() {} },
});

/** The methods that take arguments, with arguments that are right. */
const METHODS = {
  connectUser: () => ["ana", () => "token", { name: "Ana" }],
  reconnect: () => [{ force: true }],
  reportActivity: () => ["game"],
  setInactivity: () => [{ timeout: 60_000, prompt: 30_000, hiddenGrace: 0, whileLive: "apply" }],
  startStream: () => [{ streamId: ID, title: "a title" }],
  attachMeeting: () => [new EventEmitter(), { streamId: ID, streamerId: "ana", role: "viewer", hostParticipantId: "h" }],
  endStreamById: () => [ID, "over"],
  endStreamOnRedirect: () => ["ana"],
  getStreamStatus: () => [ID],
  goLive: () => [ID, { title: "a title", idempotencyKey: "key", takeOver: true }],
  endRoom: () => [ID],
  isHost: () => [ID, true],
  watchEvent: () => [ID],
  getEventClients: () => [ID],
  registerSession: () => [session()],
  stopStreamByKey: () => [ID],
  playbackUrl: () => [ID, "hls"],
};

/** `value`, or something in it, is something else. */
function spoil(pick, value) {
  const garbage = GARBAGE[pick(GARBAGE.length)]();
  const literal = Array.isArray(value) || (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype);
  const keys = literal ? Object.keys(value) : [];
  if (keys.length === 0 || pick(3) === 0) return garbage;
  const key = pick(12) === 0 ? "unknown" : keys[pick(keys.length)];
  return Array.isArray(value) ? value.with(Number(key) || 0, spoil(pick, value[key])) : { ...value, [key]: spoil(pick, value[key]) };
}

/** Whoever is refused is told so in our words. */
function isOurs(error, of) {
  assert.ok(error instanceof entry.StreamkeeperError, `${of}: ${String(error?.stack ?? error)}`);
  assert.notEqual(error.code, "crashed", `${of}: ${error.message}: ${String(error.cause)}`);
  assert.ok(error.message.length < 500 && !/[\p{Cc}\u2028-\u202e\u2066-\u2069]/u.test(error.message), `${of}: ${error.message}`);
}

/** A backend that answers everything. */
function answering(t) {
  const { fetch } = globalThis;
  t.after(() => (globalThis.fetch = fetch));
  globalThis.fetch = async (path) => new Response(JSON.stringify({ success: true, status: path.endsWith("session") ? "live" : "ended", id: ID, stream_id: ID, url: "/", viewers: 0 }));
}

test(`${CALLS} calls with garbage are answered in our words, and then everything works`, async (t) => {
  answering(t);
  const manager = entry.ConnectionManager.shared(config());
  const pick = random(20_261_121);
  const names = Object.keys(METHODS);
  const promised = [];
  let refused = 0;
  const refuse = (of) => (error) => {
    refused++;
    isOurs(error, of);
  };
  for (let call = 0; call < CALLS; call++) {
    const name = names[pick(names.length)];
    let args = METHODS[name]();
    const at = pick(args.length);
    args[at] = spoil(pick, args[at]);
    if (pick(10) === 0) args = args.slice(0, at);
    const of = `call ${call}, ${name}`;
    try {
      const given = manager[name](...args);
      // What is refused is refused before anything else happens.
      if (given instanceof Promise) promised.push(given.then(() => {}, refuse(of)));
      else if (typeof given === "function") given();
      else given?.leave();
    } catch (error) {
      refuse(of)(error);
    }
    if (call % 100 === 99) {
      assert.equal(manager.getSnapshot().phase, "ready", of);
      assert.equal({}.polluted, undefined);
      await new Promise(setImmediate);
    }
  }
  assert.equal((await manager.endStreamById(ID)).status, "already_ended");
  const other = ID.replace("0", "1");
  assert.equal((await manager.endStreamById(other)).status, "ended");
  JSON.parse(manager.exportTrace());
  await manager.dispose();
  await Promise.all(promised);
  assert.ok(refused > CALLS / 2, `${refused} of ${CALLS} were refused`);
});

test(`${CALLS / 10} configurations with garbage in them are taken or refused in our words`, async (t) => {
  answering(t);
  const pick = random(7);
  for (let round = 0; round < CALLS / 10; round++) {
    try {
      const manager = entry.ConnectionManager.shared(spoil(pick, config()));
      await manager.dispose();
    } catch (error) {
      isOurs(error, `configuration ${round}`);
      assert.equal(error.code, "invalid_config", error.message);
    }
  }
  const manager = entry.ConnectionManager.shared(config());
  assert.equal(manager.getSnapshot().phase, "ready");
  await manager.dispose();
});
