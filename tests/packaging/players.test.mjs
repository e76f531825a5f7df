// The ready sessions for hls.js and mpegts.js, on the built package, with players that do as theirs do.
import assert from "node:assert/strict";
import { EventEmitter, once as first } from "node:events";
import { afterEach, before, test } from "node:test";
import { serve, STREAM } from "./room-backend.mjs";

const dist = (name) => new URL(`../../pkg/dist/${name}.js`, import.meta.url).href;
const SLOT = Symbol.for("streamkeeper");
const GONE = [410, { code: "RELAY410", message: "over, or not relayed", details: null, hint: null }];
const ENDED = [200, { success: true, status: "ended" }];

let entry, players;
before(async () => {
  entry = await import(dist("inline"));
  await entry.default();
  players = await import(dist("players"));
});
afterEach(() => globalThis[SLOT]?.manager?.dispose());

async function setUp(t, answers = {}) {
  const issued = [];
  const given = {
    end_stream_comprehensive: ENDED,
    // Each is another one.
    get playback() {
      issued.push(`/proxy/${issued.length + 1}`);
      return [200, { url: issued.at(-1) }];
    },
  };
  const backend = await serve(t, Object.defineProperties(given, Object.getOwnPropertyDescriptors(answers)));
  const manager = entry.ConnectionManager.shared({ backend: { url: backend.url }, logger: {} });
  const missing = () => manager.syncCheck().discrepancies.has_issues;
  return { backend, manager, issued, missing };
}

/** Settles when the emitter has said it, and whatever came of that at once has come. */
const once = (emitter, event) => first(emitter, event).then(() => new Promise(setImmediate));

/** As much of a media element as players touch. */
class Media {
  src = "";
  paused = true;
  plays = 0;
  srcObject = null;
  hasAttribute = (name) => name === "src" && this.src !== "";
  async play() {
    this.plays += 1;
    this.paused = false;
  }
}

/** As hls.js does: another source pauses the element, and what is destroyed has none. */
class Hls extends EventEmitter {
  media = null;
  calls = [];
  attachMedia(media) {
    this.media = media;
  }
  loadSource(url) {
    this.calls.push(new URL(url).pathname);
    if (this.media) this.media.paused = true;
    super.emit("loading");
  }
  stopLoad = () => this.calls.push("stopLoad");
  startLoad = () => (this.calls.push("startLoad"), super.emit("loading"));
  recoverMediaError = () => (this.calls.push("recover"), super.emit("loading"));
  detachMedia() {
    this.calls.push("detach");
    this.media = null;
  }
  destroy() {
    this.calls.push("destroy");
  }
  fails = (data) => super.emit("hlsError", "hlsError", data);
}

/** As mpegts.js does. */
class Mpegts extends EventEmitter {
  calls = [];
  constructor(url) {
    super();
    this.url = url;
  }
  attachMediaElement(media) {
    this.media = media;
    media.src = `blob:${this.url}`;
  }
  load = () => this.calls.push("load");
  play = () => this.media.play();
  pause = () => this.calls.push("pause");
  unload = () => this.calls.push("unload");
  detachMediaElement() {
    this.calls.push("detach");
    this.media.src = "";
  }
  destroy = () => this.calls.push("destroy");
}

const CLOSED = ["stopLoad", "detach", "destroy"];

test("hls.js: of a stream that is over nothing plays on", async (t) => {
  const { manager, missing } = await setUp(t);
  const hls = new Hls();
  hls.attachMedia(new Media());
  const release = players.hlsSession(hls, { manager, key: STREAM });
  assert.deepEqual(manager.syncCheck().hls_proxy.session_keys, [STREAM]);
  await manager.endStreamById(STREAM);
  assert.deepEqual([hls.calls, hls.media, missing()], [CLOSED, null, false]);
  release();
  assert.equal(hls.listenerCount("hlsError"), 0);
});

test("hls.js: who lets go of it destroys it, and the stream lives on", async (t) => {
  const { manager } = await setUp(t);
  const hls = new Hls();
  players.hlsSession(hls, { manager, key: STREAM })();
  assert.deepEqual([hls.calls, manager.getSnapshot().streams], [CLOSED, {}]);
});

test("hls.js: a part of the clean-up that throws keeps the rest from nothing, and is an orphan while it is attached", async (t) => {
  const { manager } = await setUp(t);
  const hls = new Hls();
  hls.attachMedia(new Media());
  hls.detachMedia = () => {
    throw new Error("no");
  };
  players.hlsSession(hls, { manager, key: STREAM });
  const orphan = new Promise((resolve) => manager.on("orphan", resolve));
  await manager.endStreamById(STREAM);
  assert.deepEqual([await orphan, hls.calls], [{ key: STREAM, kind: "hls" }, ["stopLoad", "destroy"]]);
});

test("hls.js: plays through the relay, and asks anew when it is refused; a part of a second of refusals is one asking", async (t) => {
  const { manager, backend, issued } = await setUp(t);
  const [hls, media] = [new Hls(), new Media()];
  hls.attachMedia(media);
  players.hlsSession(hls, { manager, key: STREAM, relay: true });
  await once(hls, "loading");
  assert.deepEqual([hls.calls, media.plays, backend.asked[0].body], [["/proxy/1"], 0, { kind: "hls" }]);
  await media.play();
  for (const code of [403, 410, 403]) hls.fails({ type: "networkError", details: "fragLoadError", fatal: false, response: { code } });
  await once(hls, "loading");
  assert.deepEqual([issued.length, hls.calls], [2, ["/proxy/1", "/proxy/2"]]);
  while (media.paused) await new Promise(setImmediate);
  // Of other errors that hls.js gets over by itself there is nothing to do.
  hls.fails({ type: "networkError", details: "fragLoadError", fatal: false, response: { code: 502 } });
  hls.fails({ type: "networkError", details: "levelLoadError", fatal: true, response: { code: 502 } });
  await once(hls, "loading");
  hls.fails({ type: "mediaError", details: "bufferAppendError", fatal: true });
  await once(hls, "loading");
  hls.fails({ type: "networkError", details: "manifestLoadError", fatal: true });
  await once(hls, "loading");
  // What goes on failing may not be there any more under that name.
  hls.fails({ type: "networkError", details: "levelLoadError", fatal: true, response: { code: 502 } });
  await once(hls, "loading");
  assert.deepEqual(hls.calls.slice(2), ["startLoad", "recover", "/proxy/3", "/proxy/4"]);
});

test("hls.js: when the gateway does not answer it asks again; once it is let go of it asks no more", async (t) => {
  const answers = { playback: [503, {}] };
  const { manager, backend } = await setUp(t, answers);
  const hls = new Hls();
  const release = players.hlsSession(hls, { manager, key: STREAM, relay: true });
  await backend.untilAsked(3);
  release();
  const { length } = backend.asked;
  // Longer than the next pause could be.
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  assert.deepEqual([backend.asked.length <= length + 1, hls.calls], [true, CLOSED]);
});

test("hls.js: who is told that it is over stops, and asks no more", async (t) => {
  const { manager, backend } = await setUp(t, { playback: GONE, get_stream_status: ENDED });
  const hls = new Hls();
  hls.attachMedia(new Media());
  const ended = new Promise((resolve) => manager.on("end", resolve));
  players.hlsSession(hls, { manager, key: STREAM, relay: true });
  await ended;
  assert.deepEqual([hls.calls, backend.asked.map(({ name }) => name)], [CLOSED, ["playback", "get_stream_status"]]);
});

test("mpegts.js: of a stream that is over nothing plays on", async (t) => {
  const { manager, missing } = await setUp(t);
  const [media, player] = [new Media(), new Mpegts("x")];
  player.attachMediaElement(media);
  const release = players.mpegtsSession(player, { manager, key: STREAM, media });
  assert.deepEqual(manager.syncCheck().ts_proxy.session_keys, [STREAM]);
  await manager.endStreamById(STREAM);
  assert.deepEqual([player.calls, media.src, missing()], [["pause", "unload", "detach", "destroy"], "", false]);
  release();
  assert.equal(player.calls.length, 4, "once");
});

test("mpegts.js: plays through the relay with a player for each address, one at a time", async (t) => {
  const { manager, backend } = await setUp(t);
  const media = new Media();
  const made = [];
  const wake = new EventEmitter();
  const make = (url) => (made.push(new Mpegts(url)), wake.emit("made"), made.at(-1));
  const release = players.mpegtsSession(make, { manager, key: STREAM, media });
  await once(wake, "made");
  assert.deepEqual([made[0].url, backend.asked[0].body], [`${backend.url}/proxy/1`, { kind: "ts" }]);
  while (media.plays < 1) await new Promise(setImmediate);
  assert.deepEqual(manager.syncCheck().ts_proxy.session_keys, [STREAM]);

  made[0].emit("error", "NetworkError", "HttpStatusCodeInvalid", { code: 403 });
  made[0].emit("loading_complete");
  await once(wake, "made");
  while (media.plays < 2) await new Promise(setImmediate);
  assert.deepEqual([made.length, made[0].calls.at(-1), media.src], [2, "destroy", `blob:${backend.url}/proxy/2`]);
  made[0].emit("error", "NetworkError", "Exception", {});
  made[1].emit("loading_complete");
  await once(wake, "made");
  while (media.plays < 3) await new Promise(setImmediate);
  release();
  assert.deepEqual([made.length, media.src], [3, ""], "what the first says late is of the first");
  made[2].emit("error", "NetworkError", "Exception", {});
  assert.deepEqual(manager.syncCheck().ts_proxy.session_keys, []);
});

test("mpegts.js: a player whose clean-up throws, and that is destroyed all the same, is in nobody's way", async (t) => {
  const { manager } = await setUp(t);
  const [media, wake, made] = [new Media(), new EventEmitter(), []];
  const make = (url) => (made.push(new Mpegts(url)), wake.emit("made"), made.at(-1));
  const release = players.mpegtsSession(make, { manager, key: STREAM, media });
  await once(wake, "made");
  made[0].pause = () => {
    throw new Error("no engine");
  };
  made[0].emit("error", "NetworkError", "Exception", {});
  await once(wake, "made");
  assert.equal(made[0].calls.at(-1), "destroy");
  release();
});

test("mpegts.js: an address that comes after it was stopped is not played", async (t) => {
  let answer;
  const { manager, backend } = await setUp(t, { playback: new Promise((resolve) => (answer = resolve)) });
  let made = 0;
  const release = players.mpegtsSession(() => (made += 1), { manager, key: STREAM, media: new Media() });
  await backend.untilAsked(1);
  release();
  const asked = manager.playbackUrl(STREAM, "ts");
  answer([200, { url: "/late" }]);
  await asked;
  assert.equal(made, 0);
});
