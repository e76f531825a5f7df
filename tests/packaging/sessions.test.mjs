// Sessions and their streams, by the façade on the built package: the page's half of the seed's three suites.
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { afterEach, before, test } from "node:test";
import { until } from "./event-gateway.mjs";
import { serve, STREAM } from "./room-backend.mjs";

const ENTRY = new URL("../../pkg/dist/inline.js", import.meta.url);
const SLOT = Symbol.for("streamkeeper");
const OTHER = STREAM.replace("0d7c", "0e7c");
const ENDED = [200, { success: true, status: "ended" }];

let entry;
before(async () => {
  entry = await import(ENTRY.href);
  await entry.default();
});
afterEach(() => globalThis[SLOT]?.manager?.dispose());

async function setUp(t, config = {}, answers = {}) {
  const backend = await serve(t, { end_stream_comprehensive: ENDED, ...answers });
  const logged = [];
  const logger = { warn: (message, { detail }) => logged.push([message, detail]) };
  const manager = entry.ConnectionManager.shared({ backend: { url: backend.url }, logger, ...config });
  const orphans = [];
  manager.on("orphan", (orphan) => orphans.push(orphan));
  return { backend, manager, logged, orphans };
}

/** Something that is open until it is stopped. */
function session(kind, { key = STREAM, stop, ...more } = {}) {
  const it = { key, kind, stops: 0, open: true, isOpen: () => it.open, ...more };
  it.stop = () => {
    it.stops += 1;
    return stop ? stop(it) : void (it.open = false);
  };
  return it;
}

/** Settles when the manager has next said this. */
const said = (manager, event) => new Promise((resolve) => {
  const off = manager.on(event, (data) => (off(), resolve(data)));
});

const NOTHING = { session_count: 0, session_keys: [] };
const one = (key = STREAM) => ({ session_count: 1, session_keys: [key] });

test("the report of a page in which nothing is open has the seed's shape, exactly", async (t) => {
  const { manager } = await setUp(t);
  const { sessions, discrepancies: { other, ...discrepancies }, ...report } = manager.syncCheck();
  assert.deepEqual({ ...report, discrepancies }, {
    state: { stream_count: 0, stream_keys: [] },
    ts_proxy: { session_count: 0, session_keys: [] },
    hls_proxy: { session_count: 0, session_keys: [] },
    discrepancies: {
      orphaned_ts_sessions: [],
      orphaned_hls_sessions: [],
      missing_ts_sessions: [],
      missing_hls_sessions: [],
      has_issues: false,
    },
  });
  assert.deepEqual([other, sessions], [{}, {}]);
});

test("clean-up is called: a stream that ends stops what is open for it, and nothing else", async (t) => {
  const { manager } = await setUp(t);
  const [hls, ts, own, other] = [session("hls"), session("ts"), session("whiteboard"), session("hls", { key: OTHER })];
  [hls, ts, own, other].forEach(manager.registerSession);
  const before = manager.syncCheck();
  assert.deepEqual([before.state.stream_keys, before.ts_proxy, before.sessions], [[STREAM, OTHER], one(), { whiteboard: one() }]);
  assert.deepEqual(before.hls_proxy, { session_count: 2, session_keys: [STREAM, OTHER] });
  assert.equal(before.discrepancies.has_issues, false, "a stream of one kind misses none of another");

  await manager.endStreamById(STREAM);
  assert.deepEqual([hls, ts, own, other].map(({ stops }) => stops), [1, 1, 1, 0]);
  const after = manager.syncCheck();
  assert.deepEqual([after.state, after.hls_proxy, after.ts_proxy], [{ stream_count: 1, stream_keys: [OTHER] }, one(OTHER), NOTHING]);
  assert.equal(after.discrepancies.has_issues, false);
});

test("clean-up is resilient: one that throws, one that is rejected, one that hangs, and the others stop all the same", async (t) => {
  const { manager, logged, orphans } = await setUp(t);
  const wrongs = [
    () => { throw new Error("no"); },
    () => Promise.reject(new Error("no")),
    () => new Promise(() => {}),
  ];
  const bad = wrongs.map((stop, at) => session(`bad-${at}`, { stop }));
  const good = session("hls");
  [...bad, good].forEach(manager.registerSession);
  const failing = [said(manager, "orphan")];
  assert.equal((await manager.endStreamById(STREAM)).status, "ended", "nobody who ends a stream hears of it");
  assert.deepEqual([...bad, good].map(({ stops }) => stops), [1, 1, 1, 1]);
  await Promise.all(failing);
  while (orphans.length < 3) await said(manager, "orphan");
  assert.deepEqual(orphans.map(({ key, kind }) => [key, kind]).sort(), [0, 1, 2].map((at) => [STREAM, `bad-${at}`]));
  assert.deepEqual(logged.map(([, detail]) => detail).sort(), ["bad-0", "bad-1", "bad-2"]);
  assert.equal(manager.usage().orphans, 3);
  const { discrepancies } = manager.syncCheck();
  assert.deepEqual([discrepancies.has_issues, Object.keys(discrepancies.other).length], [true, 3]);
  assert.deepEqual(discrepancies.other["bad-1"], { orphaned: [STREAM] });
});

test("an orphan is stopped again at the next health check", async (t) => {
  const { manager, orphans } = await setUp(t, { health: { interval: 20 } });
  const stubborn = session("ts", { stop: (it) => void (it.open = it.stops < 3) });
  manager.registerSession(stubborn);
  const ended = said(manager, "orphan");
  await manager.endStreamById(STREAM);
  assert.deepEqual(await ended, { key: STREAM, kind: "ts" });
  assert.deepEqual(manager.syncCheck().discrepancies.orphaned_ts_sessions, [STREAM]);
  while (stubborn.open) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual([orphans.length, manager.syncCheck().discrepancies.has_issues], [1, false]);
});

test("atomicity: whoever hears of the end finds everything of it being stopped", async (t) => {
  const { manager } = await setUp(t);
  const seen = [];
  const hls = session("hls", { stop: () => seen.push(["stopped", manager.getSnapshot().streams[STREAM].status]) });
  manager.registerSession(hls);
  manager.on("end", () => seen.push(["end", manager.syncCheck().discrepancies.has_issues]));
  await manager.endStreamById(STREAM);
  assert.deepEqual(seen, [["end", false], ["stopped", "ended"]]);
});

test("races: many who end it are one end, and a session that comes meanwhile is stopped as well", async (t) => {
  let answer;
  const { manager, orphans, backend } = await setUp(t, {}, { end_stream_comprehensive: new Promise((resolve) => (answer = resolve)) });
  const all = Array.from({ length: 20 }, () => session("hls"));
  all.forEach(manager.registerSession);
  const ends = all.map(() => manager.endStreamById(STREAM));
  await backend.untilAsked(1);
  const meanwhile = session("ts");
  manager.registerSession(meanwhile);
  answer(ENDED);
  await Promise.all(ends);
  assert.deepEqual([backend.asked.length, orphans.length], [1, 0]);
  assert.ok([...all, meanwhile].every(({ stops, open }) => stops === 1 && !open));

  const late = session("hls");
  const told = said(manager, "orphan");
  manager.registerSession(late);
  assert.deepEqual([late.stops, await told], [1, { key: STREAM, kind: "hls" }]);
});

test("a stop by key reaches what was there before it; a successor is not touched, however late the stop settles", async (t) => {
  const { manager } = await setUp(t);
  let release;
  const old = session("hls", { stop: (it) => new Promise((resolve) => (release = () => resolve(void (it.open = false)))) });
  manager.registerSession(old);
  const stopping = manager.stopStreamByKey(STREAM.toUpperCase());
  const successor = session("hls");
  manager.registerSession(successor);
  release();
  assert.equal(await stopping, 1);
  assert.deepEqual([old.open, successor.open, successor.stops], [false, true, 0]);
  assert.deepEqual(manager.syncCheck().hls_proxy, one());
  assert.equal(await manager.stopStreamByKey(STREAM), 1);
  assert.equal(await manager.stopStreamByKey(STREAM), 0);
  assert.equal(manager.syncCheck().discrepancies.has_issues, false);
});

test("rapid cycles: a hundred players of a hundred generations leave nothing behind", async (t) => {
  const { manager, orphans } = await setUp(t);
  for (let at = 0; at < 100; at += 1) {
    const it = session(at % 2 ? "hls" : "ts");
    const unregister = manager.registerSession(it);
    if (at % 3 === 0) assert.equal(await manager.stopStreamByKey(STREAM), 1);
    else unregister();
    assert.equal(it.stops, at % 3 === 0 ? 1 : 0, "who unregisters stops it himself");
    const { hls_proxy, ts_proxy, discrepancies } = manager.syncCheck();
    assert.deepEqual([hls_proxy, ts_proxy, discrepancies.has_issues], [NOTHING, NOTHING, false]);
  }
  assert.equal(orphans.length, 0);
});

test("a meeting is a session by itself: it hangs up when its stream is over, whoever ended it", async (t) => {
  const { manager, orphans } = await setUp(t);
  const meeting = Object.assign(new EventEmitter(), { commands: [] });
  meeting.executeCommand = (command) => (meeting.commands.push(command), meeting.emit("videoConferenceLeft", {}));
  manager.attachMeeting(meeting, { streamId: STREAM, streamerId: "ana", role: "host" });
  assert.deepEqual(manager.syncCheck().sessions, { meeting: NOTHING });
  meeting.emit("videoConferenceJoined", {});
  assert.deepEqual(manager.syncCheck().sessions, { meeting: one() });
  await manager.endStreamById(STREAM);
  assert.deepEqual([meeting.commands, manager.syncCheck().discrepancies.has_issues, orphans], [["hangup"], false, []]);
});

test("chat is its user's: it is in the report under their id, and no stream's end touches it", async (t) => {
  const closed = [];
  const chat = { open: async ({ user }) => user, close: (client) => closed.push(client.id) };
  const { manager } = await setUp(t, { chat });
  await manager.connectUser("ana", "t");
  manager.registerSession(session("hls"));
  await manager.endStreamById(STREAM);
  assert.deepEqual([manager.syncCheck().sessions.chat, closed], [one("ana"), []]);
  await manager.disconnectUser();
  assert.deepEqual([manager.syncCheck().sessions.chat, closed], [undefined, ["ana"]]);
});

test("a player that has gone without a word is missing, until another has taken its place", async (t) => {
  const { manager } = await setUp(t, { health: { timeout: 10 } });
  const [first, second] = [session("hls", { open: false }), session("hls")];
  manager.registerSession(first);
  const missing = () => manager.syncCheck().discrepancies.missing_hls_sessions;
  assert.deepEqual(missing(), [], "it has its time to open");
  while (missing().length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.deepEqual([missing(), manager.syncCheck().discrepancies.has_issues], [[STREAM], true]);
  manager.registerSession(second);
  assert.deepEqual([missing(), manager.syncCheck().hls_proxy], [[], one()]);
});

test("a page that only watches asks how it stands, and stops when it is over", async (t) => {
  let answer;
  const { manager, backend } = await setUp(
    t,
    { health: { interval: 20 } },
    { get_stream_status: new Promise((resolve) => (answer = resolve)) },
  );
  const own = session("own");
  manager.registerSession(own);
  await backend.untilAsked(1);
  const ended = said(manager, "end");
  answer([200, { status: "ended" }]);
  assert.deepEqual([await ended, own.stops], [{ streamId: STREAM, reason: "ended_elsewhere", elsewhere: true }, 1]);
  assert.deepEqual(backend.asked, [{ name: "get_stream_status", body: { p_stream_id: STREAM } }]);
});

test("a playback URL is asked of the gateway, with the credentials in headers, and is made absolute", async (t) => {
  const headers = [];
  const { manager, backend } = await setUp(t, {}, {});
  await manager.dispose();
  const answers = {
    playback: [200, { url: `/proxy/hls/${STREAM}/index.m3u8?ticket=t`, kind: "hls", expires_at: "2026-01-01T00:00:00Z" }],
  };
  const gateway = await serve(t, answers, (request) => headers.push(request.headers));
  const again = entry.ConnectionManager.shared({
    backend: { url: backend.url, gatewayUrl: gateway.url, apiKey: "k", accessToken: () => "a.b.c" },
    logger: {},
  });
  assert.equal(await again.playbackUrl(STREAM, "hls"), `${gateway.url}/proxy/hls/${STREAM}/index.m3u8?ticket=t`);
  assert.deepEqual([gateway.asked, backend.asked], [[{ name: "playback", body: { kind: "hls" } }], []]);
  assert.deepEqual(headers.map(({ apikey, authorization }) => [apikey, authorization]), [["k", "Bearer a.b.c"]]);
  assert.ok(!again.exportTrace().includes("ticket"), "nor is it in the trace");

  // What is not relayed may still be live: the database says which.
  answers.playback = [410, { code: "RELAY410", message: "over, or not relayed", details: null, hint: null }];
  const watching = session("hls");
  again.registerSession(watching);
  await assert.rejects(again.playbackUrl(STREAM, "hls"), { code: "conflict" });
  await backend.untilAsked(1);
  assert.deepEqual([watching.stops, again.getSnapshot().streams[STREAM].status], [0, "live"]);
});

test("a stream of which the gateway says that it is over is over", async (t) => {
  const gone = [410, { code: "RELAY410", message: "over, or not relayed", details: null, hint: null }];
  const { manager } = await setUp(t, {}, { playback: gone, get_stream_status: [200, { status: "ended" }] });
  const hls = session("hls");
  manager.registerSession(hls);
  await assert.rejects(manager.playbackUrl(STREAM, "hls"), { code: "conflict" });
  await until(manager, ({ streams }) => streams[STREAM].status === "ended");
  assert.equal(hls.stops, 1);
});

test("what is wrong with a call is said, and nothing is kept of it", async (t) => {
  const { manager } = await setUp(t);
  for (const [bad, words] of [
    [undefined, /session\.stop/],
    [{ key: STREAM, kind: "hls" }, /session\.stop/],
    [session("hls", { isOpen: true }), /session\.isOpen/],
    [session("hls", { key: "x" }), /session\.key is "x"; it must be a UUID/],
    [session(""), /session\.kind/],
    [session("k".repeat(41)), /1 to 40 characters/],
  ]) {
    assert.throws(() => manager.registerSession(bad), (error) => error.code === "invalid_argument" && words.test(error.message), String(words));
  }
  await assert.rejects(manager.stopStreamByKey("x"), { code: "invalid_argument" });
  await assert.rejects(manager.playbackUrl(STREAM, "rtmp"), { code: "invalid_argument", message: 'kind is "rtmp"; it must be "hls" or "ts"' });
  assert.deepEqual([manager.syncCheck().hls_proxy, manager.getSnapshot().streams], [NOTHING, {}]);
});

test("a disposed manager leaves the app's players alone", async (t) => {
  const { manager } = await setUp(t);
  const hls = session("hls", { stop: () => new Promise(() => {}) });
  const unregister = manager.registerSession(hls);
  const waiting = assert.rejects(manager.stopStreamByKey(STREAM), { code: "disposed" });
  await manager.dispose();
  await waiting;
  unregister();
  assert.throws(() => manager.registerSession(hls), { code: "disposed" });
  assert.deepEqual([hls.stops, hls.open], [1, true]);
});
