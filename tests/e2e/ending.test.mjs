/** From a meeting's last event to an ended row. */
import assert from "node:assert/strict";
import { assertEndedOnce, assertLive, endAttempts, row } from "./database.mjs";
import { endAs } from "./gateway.mjs";
import { journey, LEAVE_GRACE } from "./host.mjs";

journey("going live makes a live row, and closing the meeting ends it exactly once", async ({ host }) => {
  const id = await host.goLive();
  await assertLive(id);
  await host.sees("db-status", "live");
  await host.sees("db-row", id);

  await host.click("meeting-ready-to-close");
  await host.seesItEnded();
  await assertEndedOnce(id, { reason: "readyToClose" });
  assert.equal(host.endCalls, 1);
  await host.sees("end-calls", "attempt 1");
  await host.sees("stream-reason", "readyToClose");
});

journey("four goodbyes at once, twice: one row ended by one call, and every signal on record", async ({ host }) => {
  const goodbyes = ["readyToClose", "videoConferenceLeft", "hangup", "conferenceTerminated"];
  const id = await host.goLive();

  await host.click("meeting-all-twice");
  await host.seesItEnded();
  // Nor does the leave among them call again when its grace is over.
  await host.letPass(LEAVE_GRACE + 500);
  await assertEndedOnce(id, { reason: "readyToClose" });
  assert.equal(host.endCalls, 1);

  const heard = (await host.meetingEvents()).map(({ event }) => event);
  assert.deepEqual(heard, ["videoConferenceJoined", ...goodbyes, ...goodbyes]);
  const timeline = await host.text("timeline");
  for (const signal of goodbyes) {
    assert.ok(timeline.split(signal).length > 2, `the timeline shows ${signal} twice:\n${timeline}`);
  }
});

journey("the RPC answers 500, 500, 200: ended by the third attempt, 1 s and 2 s apart", async ({ host, page }) => {
  const id = await host.goLive();
  await host.click("fault-rpc");
  await host.sees("timeline", "answered with 500");

  await host.click("meeting-ready-to-close");
  await host.seesItEnded();
  await assertEndedOnce(id, { reason: "readyToClose", attempt: 3 });

  // By the browser's own clock, when each call went out.
  const sent = await page.evaluate(() =>
    performance
      .getEntriesByType("resource")
      .filter((it) => it.name.endsWith("/end_stream_comprehensive"))
      .map((it) => it.startTime),
  );
  assert.equal(sent.length, 3);
  const [first, second] = [sent[1] - sent[0], sent[2] - sent[1]];
  assert.ok(first >= 950, `1 s between attempts 1 and 2, not ${first} ms`);
  assert.ok(second >= 1_950, `2 s between attempts 2 and 3, not ${second} ms`);
});

journey("a refused end is tried once and says why; the row is live until somebody asks again", async ({ host }) => {
  const id = await host.goLive();
  await host.click("fault-refuse");
  await host.sees("timeline", "refused with 403");

  await host.click("meeting-ready-to-close");
  await host.sees("stream-status", "failed");
  await host.sees("stream-error", "HTTP 403");
  // No further signal may start another round.
  await host.click("meeting-hangup");
  await host.sees("timeline", "hangup");
  assert.equal(host.endCalls, 1);
  await assertLive(id);
  await host.sees("db-status", "live");

  await host.click("end-room");
  await host.seesItEnded();
  await assertEndedOnce(id, { reason: "room_ended", attempt: 2 });
});

journey("an end that somebody asked for says why it was refused, too", async ({ host }) => {
  const id = await host.goLive();
  await host.click("fault-refuse");
  await host.sees("timeline", "refused with 403");
  await host.click("end-room");
  await host.sees("stream-status", "failed");
  await host.sees("stream-error", "HTTP 403");
  await assertLive(id);
});

for (const [testId, reason] of [
  ["meeting-hangup", "hangup"],
  ["meeting-terminated", "conferenceTerminated"],
  ["meeting-kicked", "participantKickedOut"],
  ["meeting-destroyed", "conference.destroyed"],
  ["end-room", "room_ended"],
]) {
  journey(`${reason} ends the stream once`, async ({ host }) => {
    const id = await host.goLive();
    await host.click(testId);
    await host.seesItEnded();
    await assertEndedOnce(id, { reason });
    assert.equal(host.endCalls, 1);
  });
}

journey("a stream ended by somebody else is ended, and not twice", async ({ host }) => {
  const id = await host.goLive();
  // Another device of the same host.
  await endAs(host.user, id, "another device");
  await host.sees("db-status", "ended");

  await host.click("meeting-ready-to-close");
  await host.seesItEnded();
  await host.sees("timeline", "ended elsewhere");
  assert.equal((await row(id)).end_reason, "another device");
  assert.deepEqual((await endAttempts(id)).map((it) => it.outcome), ["ended", "already_ended"]);
});

journey("a second stream in the same page is a stream of its own", async ({ host }) => {
  const first = await host.goLive();
  await host.click("meeting-ready-to-close");
  await host.seesItEnded();
  const second = await host.goLive();
  assert.notEqual(second, first);
  await assertLive(second);
  await host.click("meeting-ready-to-close");
  await host.seesItEnded();
  await assertEndedOnce(first, { reason: "readyToClose" });
  await assertEndedOnce(second, { reason: "readyToClose" });
});
