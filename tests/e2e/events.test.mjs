/** Who is at an event, in real tabs against the real gateway: how they come and go, and what does not count as going. */
import assert from "node:assert/strict";
import { attend, eventJourney, makeEvent, untilLeft, untilOver, untilWatched, withViewer } from "./audience.mjs";
import { event } from "./database.mjs";
import { callAs } from "./gateway.mjs";
import { journey, somebody } from "./host.mjs";
import { kill } from "./hosting.mjs";

for (const [name, go] of [
  ["is closed", (page) => page.close()],
  ["is killed", kill],
]) {
  eventJourney(`a viewer's tab counts, and one that ${name} does not`, async ({ host, page, id }) => {
    await withViewer(page, id, async (viewer) => {
      await untilWatched(id);
      await host.sees("event-viewers", "1");
      await go(viewer.page);
      await untilLeft(id);
      await host.sees("event-viewers", "0");
      await host.sees("timeline", "The last viewer has left");
      await host.sees("event-grace", "it is over, unless somebody comes");
    });
  });
}

eventJourney("two tabs of one person are two connections", async ({ host, page, id }) => {
  await withViewer(page, id, async (viewer) => {
    const second = await page.browser().createBrowserContext();
    const again = await attend(await second.newPage(), id, { user: viewer.user });
    await viewer.sees("event-viewers", "2");
    await host.sees("event-row", "2 viewers, 1 person");
    assert.equal(await countAsTheManager(host, id), 2);
    await again.click("event-watch");
    await viewer.sees("event-viewers", "1");
    await second.close();
  });
});

eventJourney("the host is there without being a viewer", async ({ host, page, id }) => {
  await host.click("event-watch");
  await host.sees("event-page", "open");
  await host.sees("event-status", "live");
  await host.sees("event-viewers", "0");
  await withViewer(page, id, async (viewer) => {
    await host.sees("event-viewers", "1");
    await viewer.click("event-watch");
    const { row } = await untilLeft(id);
    assert.equal(row.empty_since, null, "its host is there");
  });
});

eventJourney("five viewers come by one click, are told of each other, and leave by another", async ({ host, id }) => {
  await host.click("event-crowd");
  await host.sees("event-viewers", "5");
  await untilWatched(id);
  await host.sees("event-row", "5 viewers, 5 people");
  await host.click("event-crowd-leave");
  await untilLeft(id);
  await host.sees("event-viewers", "0");
});

eventJourney("a reload within the grace ends nothing", async ({ host, page, id }) => {
  await withViewer(page, id, async (viewer) => {
    await untilWatched(id);
    await viewer.page.reload();
    await viewer.sees("event-page", "open");
    const { row, notices } = await untilWatched(id);
    assert.deepEqual([row.generation, notices], [1, []]);
    await host.sees("event-viewers", "1");
  });
});

eventJourney("somebody else who signs in is another viewer", async ({ host, page, id }) => {
  await withViewer(page, id, async (viewer) => {
    await untilWatched(id);
    await viewer.click("sign-out");
    await untilLeft(id);
    const other = somebody("cy");
    await viewer.page.locator('[data-testid="login-name"]').fill(other);
    await viewer.logIn();
    await viewer.sees("event-page", "open");
    await untilWatched(id);
    await host.sees("event-row", "1 viewer, 1 person");
  });
});

eventJourney("whoever says that they are offline is not there, and is again when the network is back", async ({ page, id }) => {
  await withViewer(page, id, async (viewer) => {
    await untilWatched(id);
    await viewer.click("fault-offline");
    await viewer.sees("event-page", "connecting");
    await untilLeft(id);
    await viewer.click("fault-offline");
    await viewer.sees("event-page", "open");
    const { row, notices } = await untilWatched(id);
    assert.deepEqual([row.generation, notices], [1, []]);
  });
});

eventJourney("a network that goes without a word, and comes back, is nobody's leaving", async ({ page, id }) => {
  await withViewer(page, id, async (viewer) => {
    await untilWatched(id);
    await viewer.page.setOfflineMode(true);
    await viewer.sees("event-page", "connecting");
    await viewer.page.setOfflineMode(false);
    await viewer.sees("event-page", "open");
    const { row, notices } = await untilWatched(id);
    assert.deepEqual([row.generation, notices], [1, []]);
  });
});

eventJourney("a part of the page that is out of sight goes on watching", async ({ page, id }) => {
  await withViewer(page, id, async (viewer) => {
    await untilWatched(id);
    await viewer.click("view-chat");
    await viewer.sees("chat-status", "Connected");
    await untilWatched(id);
    assert.equal(await countAsTheManager(viewer, id), 1);
  });
});

journey("an event of what is live has its host there until the stream is over", async ({ host, page }) => {
  const stream = await host.goLive();
  await host.click("view-event");
  const id = await makeEvent(host, "event-create-of-stream");
  await host.sees("event-status", "live");
  await withViewer(page, id, async (viewer) => {
    await host.sees("event-viewers", "1");
    await viewer.click("event-watch");
    await untilLeft(id);
    await host.sees("timeline", "The last viewer has left");
    const { row } = await event(id);
    assert.deepEqual([row.status, row.empty_since, row.stream_id], ["live", null, stream]);
    await viewer.click("event-watch");
    await viewer.sees("event-page", "open");
    await callAs(host.user, "end_stream_comprehensive", { p_stream_id: stream });
    await viewer.sees("event-page", "ended");
  });
  const { row, notices } = await untilOver(id);
  assert.deepEqual([row.ended_by, notices.length], ["stream", 1]);
  await host.sees("letter-text", "Its live stream is over.");
});

/** As the manager in the page has it from the gateway. */
const countAsTheManager = ({ page }, id) =>
  page.evaluate((id) => globalThis[Symbol.for("streamkeeper")].manager.getEventClients(id), id);
