/** The browser's back/forward cache: a page that is kept there has gone, and is back as it was. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertLive, untilLeases } from "./database.mjs";
import { DEMO_URL, FIREFOX } from "./environment.mjs";
import { journey } from "./host.mjs";

const skipped = (name) => test(`${name} (not in Chromium: puppeteer switches its cache off)`, { skip: true });
const hostHere = FIREFOX ? journey : skipped;

/** Has the page keep what it is told of going and coming. */
const watch = (page) =>
  page.evaluate(() => {
    globalThis.transitions = [];
    for (const name of ["pagehide", "pageshow"]) {
      addEventListener(name, ({ persisted }) => transitions.push([name, persisted]));
    }
  });

/** To another page in the same tab, and back; gives what the first one was told meanwhile, `undefined` if it is another now. */
async function awayAndBack(page, away) {
  await page.goto(`${DEMO_URL}/health`);
  await away();
  await page.goBack();
  return page.evaluate(() => globalThis.transitions);
}

hostHere("a page that hosts a stream is not put away: it goes, and says so", async ({ host, page }) => {
  const id = await host.goLive();
  await watch(page);
  const told = await awayAndBack(page, () => untilLeases(id, ([{ lease_seconds }]) => lease_seconds === 30));
  assert.equal(told, undefined);
  await host.sees("stream-status", "live");
  await assertLive(id);
});
