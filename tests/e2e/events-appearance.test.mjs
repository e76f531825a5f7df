/** Events for people: every state fits and is accessible, and works without a mouse. */
import { attend, eventJourney, makeEvent, PATIENCE, untilLeft, untilWatched, withViewer } from "./audience.mjs";
import { pageTest, withWindow } from "./browser.mjs";
import { gatewaysAreOld } from "./database.mjs";
import { comeIn, somebody } from "./host.mjs";
import { glance, look } from "./looks.mjs";

pageTest("events fit every window, light and dark, and are accessible", async ({ page }) => {
  await gatewaysAreOld();
  const ana = await comeIn(page, somebody("ana"));
  await ana.click("view-event");
  await glance(page, "events-0-none");
  const id = await makeEvent(ana);
  await ana.click("event-crowd");
  await ana.sees("event-viewers", "5");
  await ana.sees("event-status", "live");
  await look(page, "events-1-watched");
  await withWindow(page, async (other) => {
    const bo = await attend(other, id);
    await bo.sees("event-viewers", "6");
    await glance(other, "events-2-viewer");
  });
  await ana.click("event-crowd-leave");
  await untilLeft(id);
  await ana.sees("event-grace", "it is over, unless somebody comes");
  await glance(page, "events-3-grace");
  await page.waitForSelector('[data-testid="letter-html"]', { timeout: PATIENCE });
  await page.click("summary");
  await look(page, "events-4-mail");
  await ana.click("event-end");
  await page.waitForSelector('[data-testid="event-another"]');
  await glance(page, "events-5-over");
});

eventJourney("somebody comes and leaves without a mouse", async ({ page, id }) => {
  await withViewer(page, id, async (viewer) => {
    await untilWatched(id);
    await viewer.page.focus('[data-testid="event-watch"]');
    await viewer.page.keyboard.press("Enter");
    await untilLeft(id);
    await viewer.page.keyboard.press("Space");
    await viewer.sees("event-page", "open");
    await untilWatched(id);
  });
});
