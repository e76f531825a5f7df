/** Rooms for people: every state fits, in the listing and in a seat as well, and its picture lies in `target/screenshots/`. */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { pageTest, withWindow } from "./browser.mjs";
import { comeIn, journey, somebody } from "./host.mjs";

const PICTURES = fileURLToPath(new URL("../../target/screenshots/", import.meta.url));

for (const width of [360, 768, 1280]) {
  for (const scheme of ["light", "dark"]) {
    pageTest(`rooms fit a window of ${width} px, ${scheme}`, async ({ page, context }) => {
      await mkdir(PICTURES, { recursive: true });
      const dress = async (page) => {
        await page.setViewport({ width, height: 900, isMobile: width < 768, hasTouch: width < 768 });
        await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      };
      const picture = async (page, name) => {
        await page.screenshot({ path: `${PICTURES}rooms-${width}-${scheme}-${name}.png`, fullPage: true });
        const content = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(content <= width, `${name}: ${content} px of content`);
      };
      await dress(page);
      const ana = await comeIn(page, somebody("ana"));
      await ana.click("fault-stuck");
      await ana.sees("db-room", "lobby");
      await picture(page, "0-stuck");
      const session = await ana.beginSession("go-live");
      await ana.sees("recovered", "The room was stuck");
      await withWindow(page, async (other) => {
        await dress(other);
        const bo = await comeIn(other, somebody("bo"));
        await bo.watch(session);
        await picture(other, "1-watching");
        await ana.sees("attendance", bo.user);
        await picture(page, "2-watched");
      });
      const tab = await context.newPage();
      await dress(tab);
      const there = await comeIn(tab, ana.user);
      await there.click("go-live");
      await there.sees("conflict", "Your room is live already");
      await picture(tab, "3-conflict");
      await there.endRoom();
    });
  }
}

journey("somebody's session is watched, and left, without a mouse", async ({ host, page }) => {
  const session = await host.beginSession("go-live");
  await withWindow(page, async (other) => {
    const bo = await comeIn(other, somebody("bo"));
    await bo.lists(session);
    await other.focus(`[data-session="${session.id}"] [data-testid="watch"]`);
    await other.keyboard.press("Enter");
    await bo.sees("watching", "You have been here since");
    await host.sees("attendance", bo.user);
    await other.focus('[data-testid="stop-watching"]');
    await other.keyboard.press("Space");
    await other.waitForSelector('[data-testid="watching"]', { hidden: true });
    await host.sees("attendance", " to ");
  });
  await host.endRoom();
});
