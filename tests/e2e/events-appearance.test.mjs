/** Events for people: every state fits, and works without a mouse; its picture lies in `target/screenshots/`. */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { attend, eventJourney, makeEvent, PATIENCE, untilLeft, untilWatched, withViewer } from "./audience.mjs";
import { pageTest, withWindow } from "./browser.mjs";
import { gatewaysAreOld } from "./database.mjs";
import { comeIn, somebody } from "./host.mjs";

const PICTURES = fileURLToPath(new URL("../../target/screenshots/", import.meta.url));

for (const width of [360, 768, 1280]) {
  for (const scheme of ["light", "dark"]) {
    pageTest(`events fit a window of ${width} px, ${scheme}`, async ({ page }) => {
      await mkdir(PICTURES, { recursive: true });
      await gatewaysAreOld();
      const dress = async (page) => {
        await page.setViewport({ width, height: 900, isMobile: width < 768, hasTouch: width < 768 });
        await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      };
      const picture = async (page, name) => {
        await page.screenshot({ path: `${PICTURES}events-${width}-${scheme}-${name}.png`, fullPage: true });
        const content = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(content <= width, `${name}: ${content} px of content`);
      };
      await dress(page);
      const ana = await comeIn(page, somebody("ana"));
      await ana.click("view-event");
      await picture(page, "0-none");
      const id = await makeEvent(ana);
      await ana.click("event-crowd");
      await ana.sees("event-viewers", "5");
      await ana.sees("event-status", "live");
      await picture(page, "1-watched");
      await withWindow(page, async (other) => {
        await dress(other);
        const bo = await attend(other, id);
        await bo.sees("event-viewers", "6");
        await picture(other, "2-viewer");
      });
      await ana.click("event-crowd-leave");
      await untilLeft(id);
      await ana.sees("event-grace", "it is over, unless somebody comes");
      await picture(page, "3-grace");
      await page.waitForSelector('[data-testid="letter-html"]', { timeout: PATIENCE });
      await page.click("summary");
      await picture(page, "4-mail");
      await ana.click("event-end");
      await page.waitForSelector('[data-testid="event-another"]');
      await picture(page, "5-over");
    });
  }
}

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
