/** The chat for people: it fits, it works without a mouse, and its pictures lie in `target/screenshots/`. */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chatJourney } from "./chatter.mjs";

const PICTURES = fileURLToPath(new URL("../../target/screenshots/", import.meta.url));

for (const width of [360, 768, 1280]) {
  for (const scheme of ["light", "dark"]) {
    chatJourney(`the chat fits a window of ${width} px, ${scheme}`, async ({ page, comeIn }) => {
      const phone = width < 768;
      await page.setViewport({ width, height: phone ? 780 : 900, isMobile: phone, hasTouch: phone });
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      await mkdir(PICTURES, { recursive: true });
      const picture = async (name) => {
        await page.screenshot({ path: `${PICTURES}${width}-${scheme}-chat-${name}.png`, fullPage: true });
        const content = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(content <= width, `${name}: ${content} px of content`);
      };
      const ana = await comeIn("ana");
      await ana.say(`Does a long word fit as well? ${"Donaudampfschifffahrt".repeat(3)}`);
      await ana.sees("messages", "Does a long word fit");
      await ana.click("open-logs");
      await ana.sees("chat-logs", "Does a long word fit");
      await ana.sees("chat-sockets", "1 open socket");
      await picture("1-connected");
      await ana.click("fault-refused");
      await ana.isGone("the server has refused it");
      await ana.sees("chat-sockets", "no socket");
      await picture("2-refused");
      await page.locator(".streamkeeper-banner button").click();
      await ana.isConnected();
      await ana.setInactivity({ timeout: 60_000, prompt: 59_500 });
      await page.waitForSelector(".streamkeeper-idle-prompt");
      await picture("3-asked");
      await ana.setInactivity({ timeout: 100, prompt: null });
      await ana.isGone("you were away");
      await ana.sees("chat-sockets", "no socket");
      await picture("4-away");
    });
  }
}

chatJourney("from the stream to a message without a mouse, and the focus is always to be seen", async ({ comeIn, page }) => {
  const ana = await comeIn("ana", { view: "room" });
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
  await tabTo("view-chat");
  await page.keyboard.press("Enter");
  await ana.isConnected();
  await tabTo("message-text");
  await page.keyboard.type("By hand");
  await page.keyboard.press("Enter");
  await ana.sees("messages", "By hand");
});
