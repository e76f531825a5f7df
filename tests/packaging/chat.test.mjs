// The façade's half of the chat connection, on the built package, with transports that do as they are told.
import assert from "node:assert/strict";
import { join } from "node:path";
import { afterEach, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

const PACKAGE = fileURLToPath(new URL("../../pkg/", import.meta.url));
const SLOT = Symbol.for("streamkeeper");

let entry;
before(async () => {
  entry = await import(pathToFileURL(join(PACKAGE, "dist/inline.js")).href);
  await entry.default();
});
afterEach(() => globalThis[SLOT]?.manager?.dispose());

/** A transport that keeps a diary, and whose steps can be replaced. */
function transport(steps = {}) {
  const diary = [];
  const clients = [];
  return {
    diary,
    clients,
    open: async (opening) => {
      diary.push(`open ${opening.user.id}`);
      const client = (await steps.open?.(opening, clients.length)) ?? { number: clients.length + 1, opening };
      clients.push(client);
      return client;
    },
    close: async (client) => {
      diary.push(`close ${client.number}`);
      await steps.close?.(client);
    },
    ...(steps.probe && { probe: steps.probe }),
    ...(steps.isOpen && { isOpen: steps.isOpen }),
  };
}

const FAST = { reconnect: { delay: 10, maxDelay: 20 }, health: { timeout: 50 } };
const shared = (chat, config = {}) => entry.ConnectionManager.shared({ chat, ...FAST, ...config });
const jwt = (claims) => `e30.${btoa(JSON.stringify(claims)).replaceAll("+", "-").replaceAll("/", "_")}.sig`;

const isError = (code, message) => (error) => {
  assert.ok(error instanceof entry.StreamkeeperError, String(error));
  assert.deepEqual([error.code, message.test(error.message)], [code, true], error.message);
  return true;
};

/** Resolves when the status is that. */
const status = (manager, wanted) =>
  new Promise((resolve) => {
    const look = () => manager.getSnapshot().chat.status === wanted && resolve();
    manager.subscribe(look);
    look();
  });

test("one client for one user, however many ask", async () => {
  const chat = transport();
  const manager = shared(chat);
  const asked = [1, 2, 3].map(() => manager.connectUser("ana", async () => "token", { name: "Ana" }));
  const [client, ...others] = await Promise.all([...asked, manager.connectUser("ana", "token")]);
  assert.ok(others.every((other) => other === client));
  assert.equal(manager.chatClient(), client);
  assert.deepEqual(client.opening.user, { id: "ana", name: "Ana" });
  assert.equal(client.opening.token, "token");
  assert.deepEqual(chat.diary, ["open ana"]);
  assert.deepEqual({ ...manager.getSnapshot().chat }, {
    status: "connected", reason: null, userId: "ana", attempt: 0, nextRetryAt: null, generation: 1, lastError: null,
  });
  assert.equal(manager.usage().opened, 1);
});

test("the disconnect event comes before the close, when no component can get at the client any more", async () => {
  const chat = transport();
  const manager = shared(chat);
  const client = await manager.connectUser("ana", "token");
  const told = [];
  const stop = manager.on("disconnect", (event) => {
    told.push([event.reason, event.client, manager.chatClient()]);
    chat.diary.push("disconnect");
  });
  const second = await manager.connectUser("ben", "token");
  stop();
  assert.deepEqual(told, [["switched_user", client, null]]);
  assert.deepEqual(chat.diary, ["open ana", "disconnect", "close 1", "open ben"]);
  assert.equal(manager.chatClient(), second);
});

test("signing out forgets everything, and resolves when chat is closed", async () => {
  const chat = transport();
  const manager = shared(chat);
  await manager.connectUser("ana", "token");
  await manager.disconnectUser();
  assert.deepEqual(chat.diary, ["open ana", "close 1"]);
  assert.deepEqual([manager.chatClient(), manager.getSnapshot().chat.userId], [null, null]);
  await assert.rejects(manager.reconnect(), isError("conflict", /connectUser\(\) comes first/));
  await manager.disconnectUser();
});

test("a sign-out in another tab is one here too", async () => {
  const chat = transport();
  const manager = shared(chat);
  await manager.connectUser("ana", "token");
  const tab = new BroadcastChannel("streamkeeper");
  tab.postMessage({ signedOut: "ben" });
  tab.postMessage("rubbish");
  tab.postMessage({ signedOut: "ana" });
  await status(manager, "disconnected");
  assert.equal(manager.getSnapshot().chat.reason, "sign_out");
  const heard = new Promise((resolve) => (tab.onmessage = ({ data }) => resolve(data)));
  await manager.connectUser("cleo", "token");
  void manager.disconnectUser();
  assert.deepEqual(await heard, { signedOut: "cleo" });
  tab.close();
});

const SECRET = "s3cret-token";
const badTokens = [
  ["throws", () => { throw new Error(SECRET); }, "token", /threw/],
  ["rejects", async () => { throw SECRET; }, "token", /threw, or its promise was rejected/],
  ["hangs", () => new Promise(() => {}), "timeout", /no token was given within health.timeout/],
  ["gives null", async () => null, "token", /gave null, and not a token/],
  ["gives an object", async () => ({ token: SECRET }), "token", /gave object, and not a token/],
  ["gives an empty string", () => "", "token", /gave an empty string/],
  ["gives another user's token", () => jwt({ user_id: "eve", secret: SECRET }), "token", /another user's/],
];
for (const [what, token, code, message] of badTokens) {
  test(`a token function that ${what} is a named error, and everything works afterwards`, async () => {
    const logged = [];
    const log = (...said) => logged.push(said);
    const manager = shared(transport(), { logger: { debug: log, info: log, warn: log, error: log } });
    let given = token;
    await assert.rejects(manager.connectUser("ana", () => given()), isError(code, message));
    assert.equal(manager.getSnapshot().chat.reason, "token");
    given = () => jwt({ user_id: "ana", exp: Date.now() / 1000 + 60 });
    await status(manager, "connected");
    assert.equal(manager.getSnapshot().chat.attempt, 0);
    const seen = JSON.stringify([manager.getSnapshot(), logged]) + manager.exportTrace();
    assert.ok(!seen.includes(SECRET), seen);
  });
}

test("no token gets into an error, a snapshot, a log or a trace, even if the vendor puts it into a message", async () => {
  const logged = [];
  const log = (...said) => logged.push(said);
  const chat = transport({
    open: (opening, opened) => {
      if (opened === 0) chat.clients.push(null);
      else return;
      throw new Error(`wss://chat.test/connect?authorization=${opening.token} failed`);
    },
  });
  const manager = shared(chat, { logger: { debug: log, info: log, warn: log, error: log } });
  const failed = manager.connectUser("ana", async () => SECRET);
  await assert.rejects(failed, isError("offline", /authorization=\[token\] failed/));
  await status(manager, "connected");
  manager.chatClient().opening.lost(`wss://chat.test/?token=${SECRET} was closed ${"x".repeat(1000)}`);
  await status(manager, "reconnecting");
  const seen = JSON.stringify([manager.getSnapshot(), logged, manager.usage()]) + manager.exportTrace();
  assert.ok(!seen.includes(SECRET), seen);
});

test("what a transport's error calls itself decides about the next try", async () => {
  const codes = { refused: ["not_allowed", "refused"], invalid_argument: ["invalid_argument", "refused"] };
  for (const [code, [expected, reason]] of Object.entries(codes)) {
    const chat = transport({ open: () => Promise.reject(Object.assign(new Error("no"), { code })) });
    const manager = shared(chat);
    await assert.rejects(manager.connectUser("ana", () => "token"), isError(expected, /no/));
    await status(manager, "disconnected");
    assert.deepEqual([manager.getSnapshot().chat.reason, chat.diary.length], [reason, 1]);
    await manager.dispose();
  }
  let tokens = 0;
  const chat = transport({
    open: ({ token }) => (token === "1" ? Promise.reject(Object.assign(new Error("no"), { code: "token" })) : undefined),
  });
  const manager = shared(chat);
  await manager.connectUser("ana", () => String(++tokens));
  assert.deepEqual([tokens, manager.usage().opened, manager.usage().reconnects.token], [2, 1, 0]);
});

test("a close that never settles is given up, and what it held is not mixed up with what comes after", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_700_000_000_000 });
  const warned = [];
  let closed;
  const chat = transport({ close: (client) => (client.number === 1 ? new Promise((resolve) => (closed = resolve)) : undefined) });
  const manager = shared(chat, { logger: { warn: (message) => warned.push(message) } });
  await manager.connectUser("ana", "token");
  const second = manager.connectUser("ben", "token");
  t.mock.timers.tick(4_999);
  assert.deepEqual([chat.diary, warned], [["open ana", "close 1"], []]);
  t.mock.timers.tick(1);
  assert.equal((await second).number, 2);
  assert.match(warned[0], /did not close within 5 s/);
  closed();
});

test("an opening that is given up is closed as soon as it opens", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_700_000_000_000 });
  let open;
  const chat = transport({ open: (_, opened) => (opened === 0 && !open ? new Promise((resolve) => (open = resolve)) : undefined) });
  const manager = shared(chat);
  const first = manager.connectUser("ana", "token");
  const rejected = assert.rejects(first, isError("timeout", /no connection was made within health.timeout/));
  await new Promise(setImmediate);
  t.mock.timers.tick(50);
  await rejected;
  t.mock.timers.tick(5_000);
  await new Promise(setImmediate);
  assert.equal(manager.getSnapshot().chat.status, "connected");
  open({ number: "late" });
  await new Promise(setImmediate);
  assert.deepEqual(chat.diary.at(-1), "close late");
  assert.notEqual(manager.chatClient().number, "late");
});

test("whatever open resolves with is the client, also nothing", async () => {
  const manager = shared({ open: async () => {}, close() {} });
  assert.equal(await manager.connectUser("ana", "token"), undefined);
  assert.equal(manager.getSnapshot().chat.status, "connected");
  assert.equal(manager.chatClient(), null);
});

test("whoever connects somebody else from a listener of the sign-out gets them connected", async () => {
  const chat = transport();
  const manager = shared(chat);
  await manager.connectUser("ana", "token");
  const guest = new Promise((resolve, reject) => {
    manager.on("disconnect", ({ reason }) => reason === "sign_out" && manager.connectUser("guest", "token").then(resolve, reject));
  });
  await manager.disconnectUser();
  assert.equal((await guest).opening.user.id, "guest");
});

test("user ids of any script are read from their tokens", async () => {
  const utf8 = (claims) => `e30.${btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(claims))))}.sig`;
  const client = await shared(transport()).connectUser("josé 李", () => utf8({ user_id: "josé 李" }));
  assert.equal(client.opening.user.id, "josé 李");
});

test("a vendor that came back is closed again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_700_000_000_000 });
  let open = true;
  const chat = transport({ isOpen: () => open });
  const manager = shared(chat);
  await manager.connectUser("ana", "token");
  await manager.disconnectUser();
  t.mock.timers.tick(30_000);
  assert.deepEqual(chat.diary, ["open ana", "close 1", "close 1"]);
  open = false;
  t.mock.timers.tick(30_000);
  t.mock.timers.tick(3_600_000);
  assert.equal(chat.diary.length, 3);
});

test("a silent server is noticed by the probe, and one that answers is left alone", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_700_000_000_000 });
  let answers = true;
  const chat = transport({ probe: () => (answers ? true : new Promise(() => {})) });
  const manager = shared(chat, { inactivity: { timeout: null } });
  await manager.connectUser("ana", "token");
  t.mock.timers.tick(30_000);
  await new Promise(setImmediate);
  t.mock.timers.tick(50);
  assert.equal(manager.getSnapshot().chat.status, "connected");
  answers = false;
  t.mock.timers.tick(29_950);
  t.mock.timers.tick(50);
  assert.equal(manager.getSnapshot().chat.reason, "unhealthy");
});

test("a later configuration's transport opens the next connection, and closes no earlier one", async () => {
  const [before, after] = [transport(), transport()];
  const manager = shared(before);
  await manager.connectUser("ana", "token");
  assert.equal(shared(after), manager);
  await manager.reconnect({ force: true });
  assert.deepEqual([before.diary, after.diary], [["open ana", "close 1"], ["open ana"]]);
});

test("a transport's own fields may change, and are no other configuration", async () => {
  const chat = transport();
  const manager = shared(chat);
  await manager.connectUser("ana", "token");
  assert.ok(chat.diary.length > 0 && chat.clients.length > 0);
  assert.equal(shared(chat), manager);
  assert.throws(() => entry.ConnectionManager.shared(FAST), isError("invalid_config", /another configuration/));
});

test("a transport may be an instance of a class", async () => {
  class Own {
    #clients = 0;
    async open() {
      return { number: ++this.#clients };
    }
    close() {}
  }
  assert.equal((await shared(new Own()).connectUser("ana", "token")).number, 1);
});

test("disposing closes the client, waits for it, and leaves nothing behind", async () => {
  let closed = false;
  const chat = transport({ close: async () => { await new Promise(setImmediate); closed = true; } });
  const manager = shared(chat);
  await manager.connectUser("ana", "token");
  const waiting = assert.rejects(manager.connectUser("ben", "token"), isError("disposed", /disposed/));
  await manager.dispose();
  assert.ok(closed);
  await waiting;
  assert.equal(manager.chatClient(), null);
  manager.keepAwake();
  manager.setInactivity({ timeout: 10 });
});

test("bad input is a named error, and nothing is lost", async () => {
  const manager = shared(transport());
  const client = await manager.connectUser("ana", "token");
  const rejects = (promise, message) => assert.rejects(promise, isError("invalid_argument", message));
  await rejects(manager.connectUser("", "token"), /^userId is empty; it must be a text of 1 to 200 characters$/);
  await rejects(manager.connectUser(undefined, "token"), /^userId is null/);
  await rejects(manager.connectUser("ben", null), /^token is of the type null; it must be a non-empty string, or a function/);
  await rejects(manager.connectUser("ben", ""), /^token is of the type empty string/);
  await rejects(manager.connectUser("ben", "t", "data"), /^userData is of the type string; it must be an object$/);
  await rejects(manager.reconnect({ force: "yes" }), /^options.force is "yes"; it must be true or false$/);
  await rejects(manager.reconnect({ hard: true }), /^options.hard is not known/);
  assert.throws(() => manager.setInactivity({ timeout: 1 }), isError("invalid_config", /^inactivity.timeout is 1; it must be a whole number from 10/));
  assert.equal(manager.chatClient(), client);
  await manager.dispose();
  assert.throws(() => shared({ open() {} }), isError("invalid_config", /^chat is an object; it must be a chat transport/));
  assert.throws(() => shared("wss://chat.test"), isError("invalid_config", /^chat is "wss/));
  await assert.rejects(entry.ConnectionManager.shared({}).connectUser("ana", "token"), isError("no_chat", /connectUser needs chat/));
});
