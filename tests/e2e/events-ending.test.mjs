/** The last viewer has left: the grace, what cancels it, and the one mail that the host reads. */
import assert from "node:assert/strict";
import { eventJourney, GRACE, untilLeft, untilOver, untilWatched, withViewer } from "./audience.mjs";
import { together } from "./browser.mjs";
import { event, untilEvent } from "./database.mjs";
import { DEMO_URL } from "./environment.mjs";

const mail = async (key) => (await fetch(`${DEMO_URL}/demo/mails/${key}.eml`)).text();

together("the last viewer has left", () => {
  eventJourney("after the grace the host has one mail, in the words that were promised", async ({ host, page, id }) => {
    await withViewer(page, id, () => untilWatched(id));
    const { row: left } = await untilLeft(id);
    await host.sees("event-grace", "it is over, unless somebody comes");
    const { row, notices } = await untilOver(id);
    assert.deepEqual([row.ended_by, row.end_reason, row.ended_at], ["absence", "everyone_left", left.due_at]);
    assert.equal(row.ended_at - left.empty_since, GRACE);
    assert.deepEqual(notices.map(({ state, attempts }) => ({ state, attempts })), [{ state: "sent", attempts: 1 }]);

    const title = `${host.user}'s premiere`;
    await host.sees("letter-subject", `Event Stream Ended - ${title}`);
    const link = `${DEMO_URL}/events/${id}`;
    const frame = await (await page.waitForSelector('[data-testid="letter-html"]')).contentFrame();
    const read = () => frame.$eval("body", (body) => body.innerText.trim().split(/\n+/));
    assert.deepEqual((await read()).slice(0, 4), [
      "Event Stream Completed",
      "Your event stream has ended",
      `Your event "${title}" stream has ended. All viewers have disconnected from the stream.`,
      "View Event Dashboard",
    ]);
    assert.match((await read()).at(-1), new RegExp(`Host: ${host.user}\\.$`));
    assert.equal(await frame.$eval("a", (button) => button.href), link);
    const text = await host.text("letter-text");
    assert.match(text, /^Event Stream Completed\nYour event stream has ended\n/);
    assert.ok(text.includes(`View Event Dashboard: ${link}\n`));
    const [{ recipient, message_id }] = notices;
    assert.match(await mail(message_id), new RegExp(`^To: ${recipient}\r$`, "m"));

    // The button leads to the event.
    const [tab] = await Promise.all([
      new Promise((resolve) => page.browserContext().once("targetcreated", resolve)),
      frame.click("a"),
    ]);
    assert.equal((await (await tab.page()).waitForFunction(() => location.pathname)).toString(), `JSHandle:/events/${id}`);
  });

  eventJourney("whoever comes after it begins it anew, and within the hour there is no second mail", async ({ host, page, id }) => {
    await withViewer(page, id, () => untilWatched(id));
    await untilOver(id);
    await host.sees("event-status", "ended");
    await withViewer(page, id, async (viewer) => {
      await untilWatched(id, 2);
      await host.sees("timeline", "The event is live, for the second time.");
      await viewer.click("event-watch");
    });
    const { row, notices } = await untilOver(id, 2);
    assert.equal(row.generation, 2);
    assert.deepEqual(notices.map(({ generation, state }) => [generation, state]), [[1, "sent"], [2, "suppressed"]]);
    await host.sees("mailbox", "the host was told within the hour");
  });

  eventJourney("what its host ends is over for all, at once and for good", async ({ host, page, id }) => {
    await withViewer(page, id, async (viewer) => {
      await untilWatched(id);
      await host.click("event-end");
      await viewer.sees("event-page", "ended");
      await viewer.sees("event-status", "ended");
      assert.equal(await viewer.page.$eval('[data-testid="event-watch"]', (button) => button.disabled), true);
    });
    const { row, notices } = await untilOver(id);
    assert.deepEqual([row.ended_by, row.generation, notices.length], ["call", 1, 1]);
    await host.sees("letter-text", "It was ended by hand.");

    // Whoever comes too late is told so, and no new period begins.
    await withViewer(page, id, () => {}, { finds: "ended" });
    assert.equal((await event(id)).row.generation, 1);

    await host.click("event-another");
    await page.waitForSelector('[data-testid="event-create"]');
  });

  eventJourney("an event that nobody has come to yet waits", async ({ host, id }) => {
    await host.sees("event-status", "scheduled");
    const { row } = await untilEvent(id, ({ status }) => status === "scheduled");
    assert.equal(row.generation, 0);
    assert.ok(row.due_at - row.created_at > GRACE, "its own time, which is longer than the grace");
  });
});

// By itself: eight seconds are not long for somebody to come back in.
eventJourney("whoever comes back within the grace has cancelled it, and nobody is told", async ({ host, page, id }) => {
  await host.click("event-crowd");
  await untilWatched(id);
  await host.click("event-crowd-leave");
  const { row: left } = await untilLeft(id);
  await host.sees("event-grace", "it is over, unless somebody comes");
  await withViewer(page, id, async (viewer) => {
    await untilWatched(id);
    await page.waitForSelector('[data-testid="event-grace"]', { hidden: true });
    // Past the time at which it would have been over, and a sweep more.
    await host.letPass(left.due_at - Date.now() + 2_000);
    const { row, notices } = await event(id);
    assert.deepEqual([row.status, row.generation, row.due_at, notices], ["live", 1, null, []]);
    await viewer.sees("event-page", "open");
  });
});
