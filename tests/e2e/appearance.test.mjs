/** The demo for people: it fits, it is accessible, and it works without a mouse. */
import assert from "node:assert/strict";
import { pageTest } from "./browser.mjs";
import { assertEndedOnce } from "./database.mjs";
import { DEMO_URL } from "./environment.mjs";
import { Host, somebody } from "./host.mjs";
import { tabThrough, tabTo } from "./keyboard.mjs";
import { glance, look, portray } from "./looks.mjs";

const EVERY_WIDTH = { others: [380, 600, 768, 1024, 1920] };

pageTest("a stream from its beginning to its end fits every window, light and dark, and is accessible", async ({ page }) => {
  const host = new Host(page);
  await host.open();
  await look(page, "0-signed-out", EVERY_WIDTH);
  await host.logIn();
  await glance(page, "1-ready");
  await host.goLive();
  await look(page, "2-live", EVERY_WIDTH);
  await host.click("fault-refuse");
  await host.sees("timeline", "refused with 403");
  await host.click("meeting-ready-to-close");
  await host.sees("stream-status", "failed");
  await glance(page, "3-failed");
  await host.click("end-room");
  await host.seesItEnded();
  await glance(page, "4-ended");
});

pageTest("signing in, going live and ending the room, all of it by the keyboard, and the focus is always to be seen", async ({ page }) => {
  const user = somebody();
  const host = new Host(page, user);
  await page.goto(DEMO_URL);
  await tabTo(page, "login-name");
  await page.keyboard.type(user);
  await page.keyboard.press("Enter");
  await page.waitForSelector('[data-testid="go-live"]:not(:disabled)');
  assert.equal(await host.text("user"), user);
  await tabTo(page, "go-live");
  const { stream_id } = await host.sessionAfter(() => page.keyboard.press("Enter"));
  await host.sees("stream-status", "live");
  // Once around: nothing keeps the focus to itself, and everything can be had.
  const stops = (await tabThrough(page)).map(({ testId }) => testId);
  for (const testId of ["meeting-ready-to-close", "end-room", "lanes", "timeline", "fault-offline", "fault-clear"]) {
    assert.ok(stops.includes(testId), `${testId} is a stop`);
  }
  await tabTo(page, "end-room");
  await page.keyboard.press("Space");
  await host.seesItEnded();
  await assertEndedOnce(stream_id, { reason: "room_ended" });
});

pageTest("who is here for the first time is led from one thing to the next", async ({ page }) => {
  const host = new Host(page);
  const show = async (testId) => {
    await host.click("guide-show");
    await page.waitForFunction((testId) => document.activeElement.dataset.testid === testId, {}, testId);
  };
  await host.open();
  await host.logIn();
  await host.sees("guide", "Go live");
  await show("go-live");
  await host.goLive();
  await host.sees("overview", "joined");
  await host.sees("guide", "Close the meeting");
  await show("meeting-ready-to-close");
  await page.keyboard.press("Enter");
  await host.seesItEnded();
  await host.sees("guide", "let something go wrong");
  // There is nothing to be learned from putting right what is right.
  await host.click("fault-clear");
  await host.sees("timeline", "Everything answers as usual.");
  await show("fault-rpc");
  await page.keyboard.press("Enter");
  await host.sees("guide", "Make an event");
  await show("event-create");
  await page.keyboard.press("Enter");
  await host.click("event-crowd");
  await host.sees("overview", "Viewers5");
  await host.sees("guide", "Open the chat");
  await show("message-text");
  await host.sees("guide", "attach a camera");

  // All of it is on one page: what was broken heals, and how it went is drawn.
  await host.click("view-room");
  await host.goLive();
  await host.endRoom();
  await host.seesItEnded();
  await host.goLive();
  for (let closer = 0; closer < 3; closer += 1) await host.click("timeline-in");
  await host.letPass(1_000);
  await portray(page);
  await show("relay-attach");
  await page.keyboard.press("Enter");
  await host.sees("guide", "That was all of it");
  // And is not led again after a reload.
  await page.reload();
  await host.sees("guide", "That was all of it");
});

pageTest("light or dark is a choice, which is kept", async ({ page }) => {
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "light" }]);
  await new Host(page).open();
  const light = await background();
  await page.select('[data-testid="colours"]', "dark");
  const dark = await background();
  assert.notEqual(dark, light);
  await page.reload();
  await page.waitForSelector('[data-testid="colours"]');
  assert.equal(await background(), dark);
  await page.select('[data-testid="colours"]', "system");
  assert.equal(await background(), light);
});

pageTest("operators find the way to their page", async ({ page }) => {
  await new Host(page).open();
  await page.goto(await page.$eval("footer a", ({ href }) => href));
  await page.waitForSelector("[data-well]");
});
