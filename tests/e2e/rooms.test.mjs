/** Rooms: the four tests of seed 001, in a browser and against the database. */
import assert from "node:assert/strict";
import { withWindow } from "./browser.mjs";
import { assertEndedOnce, assertRoomEnded, IDLE, room, row, stickRoom } from "./database.mjs";
import { answerCalls, callAs } from "./gateway.mjs";
import { comeIn, journey, somebody } from "./host.mjs";

for (const [name, sessionOf] of [
  ["in a session that is over", (session) => session.id],
  ["in no session at all", () => null],
]) {
  journey(`a room that is stuck ${name} is reset by going live`, async ({ host }) => {
    const first = await host.beginSession("go-live");
    await host.endRoom();
    await stickRoom(first.room_id, sessionOf(first));

    const session = await host.beginSession("go-live");
    assert.equal(session.recovered, true);
    await host.sees("recovered", "The room was stuck");
    await host.sees("timeline", "The room was stuck, and has been reset");
    const { row: found, sessions } = await room(first.room_id);
    assert.deepEqual(found, { status: "live", current_session_id: session.id, host_present: true });
    assert.deepEqual(sessions.map(({ status }) => status), ["ended", "live"]);
  });
}

journey("a click makes the room stuck, and ending it puts it right as well", async ({ host }) => {
  const first = await host.beginSession("go-live");
  await host.endRoom();
  await host.click("fault-stuck");
  await host.sees("db-room", "lobby");
  assert.equal((await callAs(host.user, "live_room_end", { p_room_id: first.room_id })).status, "already_ended");
  await host.sees("db-room", "idle");
  assert.deepEqual((await room(first.room_id)).row, IDLE);
});

journey("what is ended stays ended: room, session, attendance, stream and event", async ({ host }) => {
  const session = await host.beginSession("go-live");
  const { event_id } = await callAs(host.user, "create_event", { p_title: "Premiere", p_stream_id: session.stream_id });
  await callAs(somebody("bo"), "live_room_join", { p_session_id: session.id });
  await host.sees("attendance", "bo-");
  assert.equal((await host.endRoom()).status, "ended");
  await host.seesItEnded();
  await assertRoomEnded(session);
  await assertEndedOnce(session.stream_id, { reason: "room_ended" });
  assert.equal((await room(session.room_id)).attendance.length, 1);
  assert.equal((await callAs(host.user, "get_event", { p_event_id: event_id })).status, "ended");
  assert.equal(host.endCalls, 1);

  // And the room can be used again.
  const next = await host.beginSession("go-live");
  assert.notEqual(next.id, session.id);
  assert.equal(next.recovered, false);
});

journey("what keeps somebody from going live is said, and the next click tries again", async ({ host }) => {
  await answerCalls(["live_room_create_session"], [403]);
  await host.click("go-live");
  await host.sees("room-error", "HTTP 403");
  await host.sees("stream-status", "off air");
  const session = await host.beginSession("go-live");
  await host.page.waitForSelector('[data-testid="room-error"]', { hidden: true });
  assert.deepEqual((await room(session.room_id)).sessions.map(({ id }) => id), [session.id]);
});

journey("the meeting's end ends the room as well", async ({ host }) => {
  const session = await host.beginSession("go-live");
  await host.click("meeting-ready-to-close");
  await host.seesItEnded();
  await host.sees("db-room", "idle");
  await assertRoomEnded(session);
});

journey("after a reload the host is still the host, in the meeting, and ends the room", async ({ host, page }) => {
  const session = await host.beginSession("go-live");
  await page.reload();
  await host.sees("host-badge", "You are its host");
  await host.sees("stream-status", "live");
  await host.sees("timeline", "videoConferenceJoined");
  assert.equal((await row(session.stream_id)).status, "live");
  await host.endRoom();
  await assertRoomEnded(session);
});

journey("so is a host who has found the room live elsewhere", async ({ host, context }) => {
  const session = await host.beginSession("go-live");
  const there = await comeIn(await context.newPage(), host.user);
  await there.click("go-live");
  await there.sees("conflict", "Your room is live already");
  await there.page.reload();
  await there.sees("host-badge", "You are its host");
  await there.endRoom();
  await assertRoomEnded(session);
});

journey("a session is listed for others as soon as it is live, and no longer than that", async ({ host, page }) => {
  await withWindow(page, async (other) => {
    const bo = await comeIn(other, somebody("bo"));
    await bo.sees("listing-status", "live");
    const session = await host.beginSession("go-live");
    await bo.lists(session);
    await host.lists(session);
    await host.endRoom();
    await bo.lists(session, false);
    await host.lists(session, false);
    await bo.sees("listing-status", "live");
  });
});

journey("a viewer's visit survives a reload, and is over when they leave or the room ends", async ({ host, page }) => {
  const session = await host.beginSession("go-live");
  const visits = async () => (await room(session.room_id)).attendance;
  await withWindow(page, async (other) => {
    const bo = await comeIn(other, somebody("bo"));
    await bo.watch(session);
    await host.sees("attendance", bo.user);
    const [{ joined_at }] = await visits();

    await other.reload();
    await bo.sees("watching", "You have been here since");
    const [visit, ...more] = await visits();
    assert.deepEqual([visit.joined_at, visit.left_at, more], [joined_at, null, []]);

    await Promise.all([other.waitForResponse((response) => response.url().endsWith("/live_room_leave")), bo.click("stop-watching")]);
    assert.notEqual((await visits())[0].left_at, null);
    await host.sees("attendance", " to ");

    await bo.watch(session);
    await host.endRoom();
    await bo.sees("watching", "It is over");
  });
  await assertRoomEnded(session);
  assert.equal((await visits()).length, 1);
});
