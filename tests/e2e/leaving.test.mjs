/** A leave may be a reconnect: it has a grace. */
import assert from "node:assert/strict";
import { notInFirefox } from "./browser.mjs";
import { assertEndedOnce, assertLive, untilEnded } from "./database.mjs";
import { journey, LEAVE_GRACE } from "./host.mjs";

journey("a leave and a return within the grace keep the stream live", async ({ host }) => {
  const id = await host.goLive();
  await host.click("meeting-left");
  await host.sees("stream-status", "leaving");
  await host.click("meeting-join");
  await host.sees("stream-status", "live");

  await host.letPass(LEAVE_GRACE + 500);
  await host.sees("stream-status", "live");
  await assertLive(id);
  assert.equal(host.endCalls, 0);

  await host.click("meeting-ready-to-close");
  await host.seesItEnded();
  await assertEndedOnce(id, { reason: "readyToClose" });
});

journey("a leave without a return ends the stream after the grace, and not before", async ({ host }) => {
  const id = await host.goLive();
  await host.click("meeting-left");
  await host.sees("stream-status", "leaving");
  await assertLive(id);
  await host.seesItEnded();
  await assertEndedOnce(id, { reason: "videoConferenceLeft" });

  const left = (await host.meetingEvents()).find(({ event }) => event === "videoConferenceLeft").at;
  const sent = (await host.outputs("send")).find(({ data }) => data.function === "end_stream_comprehensive").at;
  assert.ok(sent - left >= LEAVE_GRACE, `the end was sent ${sent - left} ms after the leave`);
});

journey("what others do, and an error that Jitsi recovers from, end nothing", async ({ host }) => {
  const id = await host.goLive();
  await host.click("meeting-somebody-left");
  await host.sees("timeline", "Somebody else left");
  await host.click("meeting-fatal");
  await host.sees("timeline", "a leave is not an end");
  await host.sees("stream-status", "live");
  await assertLive(id);
  assert.equal(host.endCalls, 0);
});

/** What ends a page, at a moment when nothing has been sent yet. */
const exits = {
  "the tab is closed": (page) => page.close(),
  "another page is opened in the tab": (page) => page.goto("about:blank"),
  "the page is reloaded": (page) => page.reload(),
};

for (const [name, exit] of Object.entries(exits)) {
  const define = (title) =>
    journey(title, async ({ host, page }) => {
      const id = await host.goLive();
      await host.click("meeting-left");
      await host.sees("stream-status", "leaving");
      await exit(page);
      await untilEnded(id);
      await assertEndedOnce(id, { reason: "videoConferenceLeft" });
    });
  const title = `a leave, and within its grace ${name}: the end is sent at once`;
  if (exit === exits["the tab is closed"]) notInFirefox(title, define);
  else define(title);
}
