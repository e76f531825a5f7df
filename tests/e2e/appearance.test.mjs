/** The demo for people: it fits, it works without a mouse, and its pictures lie in `target/screenshots/`. */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { pageTest } from "./browser.mjs";
import { assertEndedOnce } from "./database.mjs";
import { Host, journey } from "./host.mjs";

const PICTURES = fileURLToPath(new URL("../../target/screenshots/", import.meta.url));

for (const width of [360, 380, 768, 1280, 1920]) {
  for (const scheme of ["light", "dark"]) {
    pageTest(`it fits a window of ${width} px, ${scheme}`, async ({ page }) => {
      const phone = width < 768;
      await page.setViewport({ width, height: phone ? 780 : 900, isMobile: phone, hasTouch: phone });
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      await mkdir(PICTURES, { recursive: true });
      const picture = async (name) => {
        await page.screenshot({ path: `${PICTURES}${width}-${scheme}-${name}.png`, fullPage: true });
        const content = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(content <= width, `${name}: ${content} px of content`);
      };
      const host = new Host(page);
      await host.open();
      await picture("0-signed-out");
      await host.logIn();
      await picture("1-ready");
      await host.goLive();
      await host.sees("db-status", "live");
      await picture("2-live");
      await host.click("fault-refuse");
      await host.sees("timeline", "refused with 403");
      await host.click("meeting-ready-to-close");
      await host.sees("stream-status", "failed");
      await picture("3-failed");
      await host.click("end-room");
      await host.seesItEnded();
      await picture("4-ended");
    });
  }
}

journey("from Go live to an ended row without a mouse, and the focus is always to be seen", async ({ host, page }) => {
  /** Tabs on to the element, as somebody without a mouse would. */
  const tabTo = async (testId) => {
    for (let stops = 0; stops < 40; stops += 1) {
      await page.keyboard.press("Tab");
      const focused = await page.evaluate(() => {
        const { dataset } = document.activeElement;
        return { testId: dataset.testid, outline: getComputedStyle(document.activeElement).outlineStyle };
      });
      if (focused.testId !== undefined) assert.notEqual(focused.outline, "none", `${focused.testId} shows its focus`);
      if (focused.testId === testId) return;
    }
    assert.fail(`${testId} is not reached by the Tab key`);
  };
  await tabTo("go-live");
  const { stream_id } = await host.sessionAfter(() => page.keyboard.press("Enter"));
  await host.sees("stream-status", "live");
  await tabTo("meeting-ready-to-close");
  await page.keyboard.press("Space");
  await host.seesItEnded();
  await assertEndedOnce(stream_id, { reason: "readyToClose" });
});
