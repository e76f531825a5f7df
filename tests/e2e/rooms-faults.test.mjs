/** Rooms behind a gateway that fails: their end arrives all the same, and the listing is there all the while. */
import assert from "node:assert/strict";
import { after, afterEach, before } from "node:test";
import { pageTest } from "./browser.mjs";
import { assertRoomEnded, room, row } from "./database.mjs";
import { FaultyGateway } from "./faulty-gateway.mjs";
import { callAs, tokenOf } from "./gateway.mjs";
import { somebody } from "./host.mjs";

let gateway;
before(async () => (gateway = await new FaultyGateway().open()));
after(() => gateway.close());
afterEach(() => breaks(null));

/** From now on calls of these paths meet the fault. */
function breaks(fault, ...faulty) {
  Object.assign(gateway, { fault, faulty });
}

/** Somebody's bare page, whose manager has short times; gives their room's id. */
async function comeIn(page, user) {
  await page.goto(`${gateway.url}/lab/`);
  return page.evaluate(async (token) => {
    const { ConnectionManager } = await initialised();
    globalThis.manager = ConnectionManager.shared({
      backend: { url: location.origin, gatewayUrl: location.origin, accessToken: () => token },
      ending: { delays: [50], timeout: 1_000 },
      reconnect: { delay: 100, maxDelay: 200 },
      logger: {},
    });
    return (await manager.myRoom()).id;
  }, await tokenOf(user));
}

const goLive = (page, roomId) => page.evaluate((id) => manager.goLive(id), roomId);
const endRoom = (page, roomId) => page.evaluate((id) => manager.endRoom(id), roomId);

/** How the gateway may fail; with the last it has ended the room, and could not say so. */
const faults = ["500", "not deployed", "html", "silence", "unreachable", "answer lost"];

for (const fault of [null, ...faults]) {
  pageTest(`a room is ended ${fault ? `past a gateway that fails (${fault})` : "by the gateway"}`, async ({ page }) => {
    const roomId = await comeIn(page, somebody());
    const session = await goLive(page, roomId);
    breaks(fault, "/rooms/");
    const via = fault ? "database" : "gateway";
    assert.deepEqual(await endRoom(page, roomId), { status: "ended", already: false, via });
    await assertRoomEnded(session);
    assert.equal(await page.evaluate(() => manager.getSnapshot().pendingEnds), 0);
  });
}

pageTest("with gateway and database away, the room's end is queued, and delivered when they are back", async ({ page }) => {
  const roomId = await comeIn(page, somebody());
  const session = await goLive(page, roomId);
  breaks("503", "/rooms/", "/rest/");
  assert.deepEqual(await endRoom(page, roomId), { status: "queued", already: false, via: "outbox" });
  assert.equal((await row(session.stream_id)).status, "live");
  assert.equal(await page.evaluate(() => manager.getSnapshot().pendingEnds), 1);

  breaks(null);
  await page.evaluate(() => manager.retryPendingEnds());
  assert.equal(await page.evaluate(() => manager.getSnapshot().pendingEnds), 0);
  await assertRoomEnded(session);
});

pageTest("an answer that is lost makes no second session", async ({ page }) => {
  const roomId = await comeIn(page, somebody());
  breaks("answer lost", "/rest/v1/rpc/live_room_create_session");
  const met = gateway.meets("live_room_create_session");
  const going = goLive(page, roomId);
  await met;
  breaks(null);
  const session = await going;
  assert.equal(session.replayed, true);
  assert.deepEqual((await room(roomId)).sessions.map(({ id }) => id), [session.id]);
});

pageTest("without the gateway's feed the listing is asked for, and with it again it is pushed", async ({ page }) => {
  const host = somebody("bo");
  const { id: theirs } = await callAs(host, "my_room", {});
  const lists = (id, isListed) =>
    page.waitForFunction(
      (id, isListed) => manager.getSnapshot().listing.sessions.some((session) => session.id === id) === isListed,
      {},
      id,
      isListed,
    );
  const becomes = (status) => page.waitForFunction((status) => manager.getSnapshot().listing.status === status, {}, status);

  await comeIn(page, somebody());
  await page.evaluate(() => void manager.watchListing());
  await becomes("live");
  const pushed = await callAs(host, "live_room_create_session", { p_room_id: theirs });
  await lists(pushed.id, true);

  breaks("503", "/rooms/");
  gateway.cut();
  await becomes("polling");
  await callAs(host, "live_room_end", { p_room_id: theirs });
  await lists(pushed.id, false);
  const asked = await callAs(host, "live_room_create_session", { p_room_id: theirs });
  await lists(asked.id, true);

  breaks(null);
  await becomes("live");
  await callAs(host, "live_room_end", { p_room_id: theirs });
  await lists(asked.id, false);
  await becomes("live");
});
