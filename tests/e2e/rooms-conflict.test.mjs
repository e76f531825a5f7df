/** One room, and many who want to go live in it: the same person, in a hurry or in two tabs. */
import assert from "node:assert/strict";
import { assertRoomEnded, room, row, untilLeases } from "./database.mjs";
import { comeIn, journey } from "./host.mjs";

/** For so many seconds a page that goes holds its stream, unless another one says before that it has gone. */
const RELOAD = 30;

/** Counts the calls to go live that leave a page. */
function countCalls(page) {
  const calls = [];
  page.on("request", (request) => {
    if (request.url().endsWith("/live_room_create_session") && request.method() === "POST") calls.push(request);
  });
  return calls;
}

journey("twenty clicks are one session", async ({ host, page }) => {
  const calls = countCalls(page);
  const session = await host.sessionAfter(() =>
    page.evaluate(() => {
      for (let click = 0; click < 20; click += 1) document.querySelector('[data-testid="go-live"]')?.click();
    }),
  );
  await host.sees("stream-status", "live");
  assert.equal(calls.length, 1);
  assert.deepEqual((await room(session.room_id)).sessions.map(({ id }) => id), [session.id]);
});

journey("twenty calls at once are one session, and all get it", async ({ page, host }) => {
  const calls = countCalls(page);
  const sessions = await page.evaluate(async () => {
    const { manager } = globalThis[Symbol.for("streamkeeper")];
    const { id } = await manager.myRoom();
    return Promise.all(Array.from({ length: 20 }, () => manager.goLive(id)));
  });
  assert.equal(new Set(sessions.map(({ id }) => id)).size, 1);
  assert.equal(calls.length, 1);
  assert.equal((await room(sessions[0].room_id)).sessions.length, 1);
  await host.sees("host-badge", "You are its host");
});

/** The same person in a second tab, where going live has met the session of the first. */
async function secondTab({ host, context }) {
  const session = await host.beginSession("go-live");
  const there = await comeIn(await context.newPage(), host.user);
  await there.sees("stream-status", "off air");
  await there.click("go-live");
  await there.sees("conflict", "Your room is live already");
  return { session, there };
}

journey("a second tab joins what is on, and both are the host", async ({ host, page, context }) => {
  const { session, there } = await secondTab({ host, context });
  await there.click("conflict-join");
  await there.sees("stream-status", "live");
  await there.page.waitForSelector('[data-testid="conflict"]', { hidden: true });
  await untilLeases(session.stream_id, (held) => held.length === 2);
  assert.equal((await room(session.room_id)).sessions.length, 1);

  // The first may go: the second one holds it.
  await page.close();
  await untilLeases(session.stream_id, (held) => held.some(({ lease_seconds }) => lease_seconds <= RELOAD));
  assert.equal((await row(session.stream_id)).status, "live");
  await there.endRoom();
  await assertRoomEnded(session);
});

journey("a second tab takes over, and the first hears that its session was ended elsewhere", async ({ host, page, context }) => {
  const { session, there } = await secondTab({ host, context });
  const next = await there.beginSession("conflict-take-over");
  assert.notEqual(next.id, session.id);
  const { row: found, sessions } = await room(session.room_id);
  assert.deepEqual(found, { status: "live", current_session_id: next.id, host_present: true });
  assert.deepEqual(sessions.map(({ status, end_reason }) => [status, end_reason]), [["ended", "taken_over"], ["live", null]]);

  await page.bringToFront();
  // The next renewal hears of it: at the latest after 20 s, and at once when the network comes back.
  await page.evaluate(() => void window.dispatchEvent(new Event("online")));
  await host.sees("stream-status", "ended");
  await host.sees("timeline", "The stream had been ended elsewhere");
  assert.equal(host.endCalls, 0);
  assert.equal((await row(next.stream_id)).status, "live");
});
