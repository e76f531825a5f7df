// The façade's own promises, on the built package, without a browser.
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

const PACKAGE = fileURLToPath(new URL("../../pkg/", import.meta.url));
const STREAM = "0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11";
const HOSTED = { streamId: STREAM, streamerId: "ana", role: "host" };
const SLOT = Symbol.for("streamkeeper");

let entry;
before(async () => {
  entry = await import(pathToFileURL(join(PACKAGE, "dist/inline.js")).href);
  await entry.default();
});
afterEach(() => globalThis[SLOT]?.manager?.dispose());

/** A backend that answers with these, one after another. */
async function backend(t, ...answers) {
  const asked = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    // A lease is renewed whenever its time has come; no test here is about that.
    if (request.url.endsWith("/touch_stream")) return response.end('{"status":"live"}');
    asked.push({ path: request.url, headers: request.headers, body: JSON.parse(body) });
    const [status, json] = answers.length > 1 ? answers.shift() : answers[0];
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${server.address().port}`, asked };
}

/** A copy of the module. */
async function copyOfModule(t) {
  const copy = mkdtempSync(join(tmpdir(), "streamkeeper-copy-"));
  t.after(() => rmSync(copy, { recursive: true }));
  cpSync(PACKAGE, copy, { recursive: true, filter: (path) => !path.includes("node_modules") });
  return import(pathToFileURL(join(copy, "dist/inline.js")).href);
}

/** What WebAssembly can have at most, in its pages. */
const MAX_PAGES = 65_536;
const PAGE = 65_536;

/** As if this were a page of its own: no manager is there, and its `WebAssembly.instantiate` may be another. */
function elsewhere(t) {
  const shared = globalThis[SLOT];
  delete globalThis[SLOT];
  const { instantiate } = WebAssembly;
  t.after(() => {
    globalThis[SLOT] = shared;
    WebAssembly.instantiate = instantiate;
  });
  return instantiate;
}

const isError = (code, message) => (error) => {
  assert.ok(error instanceof entry.StreamkeeperError && error instanceof Error, String(error));
  assert.equal(error.name, "StreamkeeperError");
  assert.equal(error.code, code);
  if (message) assert.match(error.message, message);
  return true;
};

test("every method may be passed on by itself", async (t) => {
  const { url } = await backend(t, [200, { status: "ended" }]);
  const { getSnapshot, subscribe, attachMeeting, endStreamById, on } = entry.ConnectionManager.shared({ backend: { url } });
  let changes = 0;
  const stop = subscribe(() => changes++);
  const ends = [];
  on("end", (event) => ends.push(event));
  attachMeeting(new EventEmitter(), HOSTED);
  assert.equal(getSnapshot().streams[STREAM].status, "live");
  assert.deepEqual(await endStreamById(STREAM.toUpperCase(), "test"), {
    status: "ended",
    ended: [STREAM],
    already: [],
    attempts: 1,
    via: "rpc",
  });
  assert.deepEqual(ends, [{ streamId: STREAM, reason: "test", elsewhere: false }]);
  assert.ok(changes >= 3);
  stop();
});

test("the snapshot is frozen, the same until something changes, and shares what did not", () => {
  const manager = entry.ConnectionManager.shared();
  const first = manager.getSnapshot();
  assert.equal(manager.getSnapshot(), first);
  assert.equal(first.phase, "ready");
  const detach = manager.attachMeeting(new EventEmitter(), HOSTED);
  const second = manager.getSnapshot();
  assert.notEqual(second, first);
  assert.equal(second.presence, first.presence);
  assert.equal(second.chat, first.chat);
  assert.throws(() => (second.streams[STREAM].status = "ended"), TypeError);
  manager.attachMeeting(new EventEmitter(), { ...HOSTED, streamId: STREAM.replace("0", "1") });
  assert.equal(manager.getSnapshot().streams[STREAM], second.streams[STREAM]);
  detach();
  detach();
  assert.equal(manager.getSnapshot().streams[STREAM].status, "leaving");
});

test("the same data again is fine, the newest functions are used, other data is refused", async (t) => {
  const { url, asked } = await backend(t, [200, { status: "ended" }]);
  const config = (token) => ({ backend: { url, accessToken: () => token }, ending: { timeout: 500 } });
  const manager = entry.ConnectionManager.shared(config("first"));
  const reordered = { ending: { timeout: 500 }, backend: { accessToken: () => "newest", url } };
  assert.equal(entry.ConnectionManager.shared(reordered), manager);
  assert.equal(entry.ConnectionManager.shared(), manager);
  const other = { ...config("x"), ending: { timeout: 501 } };
  assert.throws(() => entry.ConnectionManager.shared(other), isError("invalid_config", /another configuration/));
  await manager.endStreamById(STREAM);
  assert.equal(asked[0].headers.authorization, "Bearer newest");
});

test("another copy of the module shares the one manager", async (t) => {
  const second = await copyOfModule(t);
  await second.default();
  assert.notEqual(second.ConnectionManager, entry.ConnectionManager);
  const manager = entry.ConnectionManager.shared({ logger: {} });
  assert.equal(second.ConnectionManager.shared({ logger: {} }), manager);
  const named = (error) => error.name === "StreamkeeperError" && error.code === "invalid_config";
  assert.throws(() => second.ConnectionManager.shared({ ending: { timeout: 20 } }), named);
});

test("bad input throws or rejects by name, and nothing happens", async () => {
  const { ConnectionManager } = entry;
  assert.throws(
    () => ConnectionManager.shared({ ending: { delays: [-1] } }),
    isError("invalid_config", /^ending\.delays\[0\] is -1; it must be a whole number from 10 to 2147483647$/),
  );
  const itself = {};
  itself.ending = itself;
  for (const odd of [{ ending: { timeout: 10n } }, itself, { ending: { delays: new Map() } }, { backend: new Date() }, 42]) {
    assert.throws(() => ConnectionManager.shared(odd), isError("invalid_config"));
  }
  assert.throws(() => ConnectionManager.shared({ endings: {} }), isError("invalid_config", /^endings is not a setting/));
  assert.equal(globalThis[SLOT].manager, undefined);

  const manager = ConnectionManager.shared();
  assert.throws(() => manager.attachMeeting(null, HOSTED), isError("invalid_argument", /^meeting is not a meeting/));
  assert.throws(() => manager.attachMeeting(new EventEmitter(), null), isError("invalid_argument", /^stream is null/));
  await assert.rejects(manager.endStreamById(""), isError("invalid_argument", /^streamId is empty; it must be a UUID/));
  await assert.rejects(manager.getStreamStatus("42"), isError("invalid_argument", /^streamId is "42"/));
  await assert.rejects(manager.startStream({ titel: "x" }), isError("invalid_argument", /titel is not known/));
  await assert.rejects(manager.endStreamById(STREAM), isError("no_backend", /needs backend/));
  assert.deepEqual(manager.getSnapshot().streams, {});
});

test("a listener that throws is logged and stops nobody else", () => {
  const logged = [];
  const logger = { error: (message, data) => logged.push([message, data]) };
  const manager = entry.ConnectionManager.shared({ logger });
  const called = [];
  const fault = new Error("the app's");
  manager.subscribe(() => {
    throw fault;
  });
  manager.subscribe(() => called.push("second"));
  manager.on("log", () => {
    throw fault;
  });
  const meeting = new EventEmitter();
  manager.attachMeeting(meeting, HOSTED);
  meeting.emit("videoConferenceJoined", {});
  assert.deepEqual(called, ["second"]);
  assert.deepEqual(new Set(logged.flat()), new Set(["a listener threw", fault]));
});

test("an event's listener finds the state that the event tells of, and may dispose", async () => {
  const manager = entry.ConnectionManager.shared();
  const phases = [];
  manager.subscribe(() => phases.push(manager.getSnapshot().phase));
  manager.on("log", ({ data }) => {
    if (data.detail !== "detached") return;
    assert.equal(manager.getSnapshot().streams[STREAM].status, "leaving");
    void manager.dispose();
  });
  manager.attachMeeting(new EventEmitter(), HOSTED)();
  assert.deepEqual(phases, ["ready", "ready", "disposed"]);
});

test("any logger will do, also console and an instance", () => {
  class Logger {
    lines = [];
    warn(message) {
      this.lines.push(message);
    }
  }
  const logger = new Logger();
  const manager = entry.ConnectionManager.shared({ logger });
  assert.equal(entry.ConnectionManager.shared({ logger: console }), manager);
  assert.throws(() => entry.ConnectionManager.shared({ logger: "console", ending: {} }), isError("invalid_config"));
});

test("a second click, and another try after a lost answer, start the same stream", async (t) => {
  const { url, asked } = await backend(t, [200, { status: "live", stream_id: STREAM }]);
  const fetching = globalThis.fetch;
  t.after(() => (globalThis.fetch = fetching));
  const { startStream } = entry.ConnectionManager.shared({ backend: { url } });
  globalThis.fetch = (...args) => fetching(...args).then(() => Promise.reject(new TypeError("Failed to fetch")));
  await assert.rejects(startStream(), isError("offline"));
  globalThis.fetch = fetching;
  await Promise.all([startStream(), startStream()]);
  await startStream();
  const ids = asked.map(({ body }) => body.p_stream_id);
  assert.equal(ids[0], ids[1]);
  assert.equal(ids[1], ids[2]);
  assert.notEqual(ids[2], ids[3]);
  assert.match(ids[0], /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("dispose leaves nothing on the meeting, is idempotent, and makes room for another manager", async () => {
  const manager = entry.ConnectionManager.shared();
  const meeting = new EventEmitter();
  meeting.on("hangup", () => {});
  manager.attachMeeting(meeting, HOSTED);
  const late = meeting.listeners("hangup")[1];
  await Promise.all([manager.dispose(), manager.dispose()]);
  await manager.dispose();
  assert.deepEqual(meeting.eventNames().map((name) => meeting.listenerCount(name)), [1]);
  late({});
  assert.equal(manager.getSnapshot().phase, "disposed");
  assert.throws(() => manager.attachMeeting(meeting, HOSTED), isError("disposed"));
  await assert.rejects(manager.endStreamById(STREAM), isError("disposed"));
  const next = entry.ConnectionManager.shared();
  assert.notEqual(next, manager);
  assert.equal(next.getSnapshot().phase, "ready");
});

test("a trap in the WASM ends the manager, not the app", async (t) => {
  // A copy whose `meetingEvent` traps, as a defect would.
  elsewhere(t);
  const { default: init, ConnectionManager } = await copyOfModule(t);
  await init();
  globalThis[SLOT].Raw.prototype.meetingEvent = () => {
    throw new WebAssembly.RuntimeError("unreachable");
  };

  const { url } = await backend(t, [503, {}]);
  const fetching = globalThis.fetch;
  t.after(() => (globalThis.fetch = fetching));
  let answered;
  globalThis.fetch = (...args) => (answered = fetching(...args).then((response) => response.clone().text().then(() => response)));
  const logged = [];
  const config = { backend: { url }, ending: { delays: [60_000] }, logger: { error: (message) => logged.push(message) } };
  const manager = ConnectionManager.shared(config);
  const meeting = new EventEmitter();
  manager.attachMeeting(meeting, HOSTED);
  let told = 0;
  manager.subscribe(() => told++);
  const waiting = manager.endStreamById(STREAM);
  const before = told;
  meeting.emit("hangup", {});
  assert.equal(manager.getSnapshot().phase, "crashed");
  assert.equal(told, before + 1);
  assert.ok(logged.includes("Streamkeeper has crashed"));
  assert.deepEqual(meeting.eventNames(), []);
  const crashed = (error) => error.code === "crashed";
  await assert.rejects(waiting, crashed);
  await assert.rejects(manager.endStreamById(STREAM), crashed);
  meeting.emit("hangup", {});
  // The answer that was under way comes back to a closed door: no timer is set, no listener told.
  const timers = process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;
  await answered;
  await new Promise(setImmediate);
  assert.equal(process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length, timers);
  assert.equal(manager.getSnapshot().phase, "crashed");
  assert.equal(told, before + 1);
  await manager.dispose();
  assert.throws(() => ConnectionManager.shared(config), crashed);
});

test("a panic in a promise ends the manager, not the app", async (t) => {
  // A copy with little memory left: an answer that it cannot hold makes it panic when nobody waits for it to return.
  const instantiate = elsewhere(t);
  WebAssembly.instantiate = async (...args) => {
    const source = await instantiate(...args);
    const memory = Object.values(source.instance.exports).find((it) => it instanceof WebAssembly.Memory);
    memory.grow(MAX_PAGES - memory.buffer.byteLength / PAGE - 100);
    return source;
  };
  const microtask = globalThis.queueMicrotask;
  t.after(() => (globalThis.queueMicrotask = microtask));
  const thrown = [];
  globalThis.queueMicrotask = (run) =>
    microtask(() => {
      try {
        run();
      } catch (error) {
        thrown.push(error);
      }
    });
  const { default: init, ConnectionManager } = await copyOfModule(t);
  await init();

  const { url } = await backend(t, [200, Array(1_000_000).fill(0)]);
  const manager = ConnectionManager.shared({ backend: { url }, logger: {} });
  await assert.rejects(manager.getStreamStatus(STREAM), (error) => error.code === "crashed");
  assert.equal(manager.getSnapshot().phase, "crashed");
  assert.ok(thrown.some((error) => error instanceof WebAssembly.RuntimeError));
  await manager.dispose();
  assert.throws(() => ConnectionManager.shared({ backend: { url } }), (error) => error.code === "crashed");
});

test("where WebAssembly is blocked, init says unavailable and may be tried again", async (t) => {
  const instantiate = elsewhere(t);
  const { default: init, ConnectionManager } = await copyOfModule(t);
  assert.throws(() => ConnectionManager.shared(), (error) => error.code === "not_initialised");
  WebAssembly.instantiate = async () => {
    throw new WebAssembly.CompileError("blocked by the content security policy");
  };
  await assert.rejects(init(), (error) => error.code === "unavailable" && /content security policy/.test(error.message));
  WebAssembly.instantiate = instantiate;
  const first = init();
  assert.equal(init(), first);
  await first;
  await ConnectionManager.shared().dispose();
});

test("the WASM is on its way from the moment of init(), and not only when the glue has come", async (t) => {
  elsewhere(t);
  const { default: init } = await copyOfModule(t);
  const fetching = globalThis.fetch;
  t.after(() => (globalThis.fetch = fetching));
  const fetched = [];
  globalThis.fetch = async (url) => {
    fetched.push(url);
    throw new TypeError("Failed to fetch");
  };
  const loading = init("https://example.org/streamkeeper_bg.wasm");
  assert.deepEqual(fetched, ["https://example.org/streamkeeper_bg.wasm"]);
  await assert.rejects(loading, (error) => error.code === "unavailable" && error.cause instanceof TypeError);
});
