// Rooms and the listing, by the façade on the built package.
import assert from "node:assert/strict";
import { afterEach, before, test } from "node:test";
import { ANSWERS, ROOM, serve, SESSION, STREAM } from "./room-backend.mjs";

const ENTRY = new URL("../../pkg/dist/inline.js", import.meta.url);
const SLOT = Symbol.for("streamkeeper");

let entry;
before(async () => {
  entry = await import(ENTRY.href);
  await entry.default();
});
afterEach(() => globalThis[SLOT]?.manager?.dispose());

/** A backend with these answers, and how a manager for it is had. */
async function backend(t, answers) {
  const backend = await serve(t, answers);
  const share = (config = {}) =>
    entry.ConnectionManager.shared({
      backend: { url: backend.url, ...config },
      ending: { delays: [10], timeout: 1_000 },
      logger: {},
    });
  return { ...backend, share };
}

/** Waits until the snapshot is so. */
async function until(manager, isSo) {
  while (!isSo(manager.getSnapshot())) {
    await new Promise((resolve) => {
      const stop = manager.subscribe(() => (stop(), resolve()));
    });
  }
}

const names = (asked) => asked.map(({ name }) => name);

test("goLive gives the session, once for all who ask, and the page holds its stream", async (t) => {
  const { asked, share } = await backend(t, { live_room_create_session: [200, { ...SESSION, recovered: true }] });
  const { goLive, getSnapshot } = share();
  const sessions = await Promise.all([goLive(ROOM, { title: "Hello" }), goLive(ROOM.toUpperCase(), { title: "Hello" })]);
  assert.deepEqual(sessions, [{ ...SESSION, recovered: true }, { ...SESSION, recovered: true }]);
  assert.deepEqual(names(asked), ["live_room_create_session"]);
  const { p_room_id, p_title, p_take_over } = asked[0].body;
  assert.deepEqual({ p_room_id, p_title, p_take_over }, { p_room_id: ROOM, p_title: "Hello", p_take_over: false });
  const { rooms, streams } = getSnapshot();
  assert.deepEqual([rooms[ROOM].status, rooms[ROOM].isHost, rooms[ROOM].session.id], ["live", true, "s1"]);
  assert.equal(streams[STREAM].status, "live");
});

test("a room that is live is a conflict whose cause has the session; its host may take it over", async (t) => {
  const answers = {
    live_room_create_session: ANSWERS.conflict,
    get_live_room: ANSWERS.live,
  };
  const { asked, share } = await backend(t, answers);
  const manager = share();
  const error = await manager.goLive(ROOM).catch((error) => error);
  assert.ok(error instanceof entry.StreamkeeperError);
  assert.deepEqual([error.code, error.cause.session, error.cause.hint], ["conflict", SESSION, "join or take over"]);
  await until(manager, ({ rooms }) => rooms[ROOM].session !== null);
  assert.deepEqual(manager.getSnapshot().streams, {}, "what another page holds is not this one's");

  answers.live_room_create_session = [200, { ...SESSION, id: "s2" }];
  assert.equal((await manager.goLive(ROOM, { takeOver: true })).id, "s2");
  assert.equal(asked.at(-1).body.p_take_over, true);
});

test("a conflict without a session in it is one all the same", async (t) => {
  const { share } = await backend(t, { live_room_create_session: [409, { code: "PT409", message: "no", details: "{", hint: null }] });
  const error = await share().goLive(ROOM).catch((error) => error);
  assert.equal(error.code, "conflict");
  assert.equal(error.cause.session, undefined);
});

for (const [name, hasGateway, answers, result, expected] of [
  ["by the database, where there is no gateway", false, {}, { status: "ended", already: false, via: "database" }, ["live_room_end"]],
  ["by the gateway, where there is one", true, {}, { status: "ended", already: false, via: "gateway" }, ["end"]],
  ["past a gateway that fails", true, { end: [502, {}] }, { status: "ended", already: false, via: "database" }, ["end", "live_room_end"]],
]) {
  test(`endRoom ends it ${name}, once for all who ask`, async (t) => {
    const given = { live_room_create_session: [200, SESSION], live_room_end: ANSWERS.ended, end: ANSWERS.ended, ...answers };
    const { url, asked, share } = await backend(t, given);
    const manager = share(hasGateway ? { gatewayUrl: url } : {});
    await manager.goLive(ROOM);
    asked.length = 0;
    assert.deepEqual(await Promise.all([manager.endRoom(ROOM), manager.endRoom(ROOM)]), [result, result]);
    assert.deepEqual(names(asked), expected);
    assert.equal(manager.getSnapshot().rooms[ROOM].session, null);
    assert.equal(manager.getSnapshot().streams[STREAM].status, "ended");
  });
}

test("isHost is the hint until the database has spoken", async (t) => {
  const { asked, share } = await backend(t, { get_live_room: [200, { id: ROOM, status: "idle", is_host: false, current_session: null }] });
  const manager = share();
  assert.equal(await manager.isHost(ROOM, true), true);
  await until(manager, ({ rooms }) => rooms[ROOM].isHost !== null);
  assert.equal(manager.getSnapshot().rooms[ROOM].isHost, false);
  assert.equal(await manager.isHost(ROOM, true), false);
  assert.deepEqual(names(asked), ["get_live_room"]);
});

test("what is wrong with a call is said, and nothing is asked", async (t) => {
  const { asked, share } = await backend(t, {});
  const manager = share();
  const isInvalid = (words) => (error) => error.code === "invalid_argument" && words.test(error.message);
  await assert.rejects(manager.goLive("room"), isInvalid(/roomId is "room"/));
  await assert.rejects(manager.goLive(ROOM, { titel: "x" }), isInvalid(/titel/));
  await assert.rejects(manager.goLive(ROOM, { takeOver: "yes" }), isInvalid(/takeOver/));
  await assert.rejects(manager.endRoom(""), isInvalid(/roomId is empty/));
  await assert.rejects(manager.isHost(ROOM, "yes"), isInvalid(/hint/));
  assert.deepEqual(asked, []);
});

/** What a browser has, and Node has not. */
class Source extends EventTarget {
  static opened = [];

  constructor(url) {
    super();
    Object.assign(this, { url, isOpen: true });
    Source.opened.push(this);
  }

  push(rows) {
    this.dispatchEvent(Object.assign(new Event("listing"), { data: JSON.stringify(rows) }));
  }

  close() {
    this.isOpen = false;
  }
}

test("the listing is watched while anybody wants it, and asked for where nothing pushes it", async (t) => {
  const row = { ...SESSION, host_user_id: "ana", title: "Hello" };
  const { asked, untilAsked, share } = await backend(t, { live_room_listing: [200, [row]] });
  const manager = share();
  assert.equal(manager.getSnapshot().listing.status, "off");
  const [first, second] = [manager.watchListing(), manager.watchListing()];
  await until(manager, ({ listing }) => listing.sessions.length === 1);
  assert.equal(manager.getSnapshot().listing.status, "polling");
  assert.deepEqual(names(asked), ["live_room_listing"]);

  // As Supabase's Realtime would have it.
  manager.refreshListing();
  await untilAsked(2);
  first();
  first();
  assert.equal(manager.getSnapshot().listing.status, "polling", "one of the two still looks");
  second();
  assert.equal(manager.getSnapshot().listing.status, "off");
});

test("a gateway pushes the listing; a feed that is lost is replaced, and asked for in between", async (t) => {
  globalThis.EventSource = Source;
  t.after(() => delete globalThis.EventSource);
  Source.opened.length = 0;
  const { url, asked, share } = await backend(t, { live_room_listing: [200, []] });
  const manager = share({ gatewayUrl: url });
  const unwatch = manager.watchListing();
  assert.deepEqual(Source.opened.map((source) => source.url), [`${url}/rooms/listing`]);
  assert.equal(manager.getSnapshot().listing.status, "connecting");
  const [feed] = Source.opened;
  feed.push([SESSION]);
  const { listing } = manager.getSnapshot();
  assert.deepEqual([listing.status, listing.sessions.map(({ id }) => id)], ["live", ["s1"]]);
  assert.deepEqual(asked, []);

  feed.dispatchEvent(new Event("error"));
  assert.deepEqual([feed.isOpen, manager.getSnapshot().listing.status], [false, "polling"]);
  await until(manager, (snapshot) => snapshot.listing.sessions.length === 0);
  assert.deepEqual(names(asked), ["live_room_listing"]);
  unwatch();
  assert.equal(manager.getSnapshot().listing.status, "off");
});
