/** A stream with a camera, and who plays it. */
import assert from "node:assert/strict";
import { DEMO_URL } from "./environment.mjs";
import { tokenOf } from "./gateway.mjs";
import { comeIn, journey, somebody } from "./host.mjs";

export const KINDS = ["hls", "ts"];

/** The demo's camera has segments of 2 s, and hls.js begins three of them behind the end: that much it has in hand. */
export const BUFFER = 6_000;

/** A journey of a host who is live, with a camera, and in whose page both players play. */
export function relayJourney(name, body) {
  journey(name, async (given) => {
    const { host } = given;
    const id = await host.goLive();
    await attachCamera(host);
    await body({ ...given, id });
  });
}

/** Has the host's live stream relayed from the demo's camera, and plays it. */
async function attachCamera(host) {
  await host.click("view-relay");
  await host.click("relay-attach");
  await playAll(host);
}

/** Somebody else, in a window of their own, in front of that stream. */
export async function watch(page, id) {
  const viewer = await comeIn(page, somebody("bo"));
  await viewer.click("view-relay");
  await page.waitForFunction(
    (key) => {
      const shown = document.querySelector('[data-testid="relay-key"]');
      if (shown?.textContent.startsWith(key) && shown.tagName === "P") return true;
      if (shown?.value === key) return true;
      const option = [...(shown?.options ?? [])].find(({ value }) => value === key);
      if (option) {
        shown.value = key;
        shown.dispatchEvent(new Event("change", { bubbles: true }));
      }
      return false;
    },
    { polling: 100 },
    id,
  );
  await playAll(viewer);
  return viewer;
}

/** Both players play: their pictures move. */
async function playAll({ page }) {
  for (const kind of KINDS) {
    await page.waitForSelector(`[data-testid="play-${kind}"]:not(:disabled)`);
    await page.locator(`[data-testid="play-${kind}"]`).click();
  }
  for (const kind of KINDS) await moves(page, kind);
}

/** Waits until the picture has moved by a second. */
export async function moves(page, kind) {
  const video = `[data-testid="player-${kind}"] video`;
  const from = await page.$eval(video, ({ currentTime }) => currentTime);
  await page
    .waitForFunction((selector, from) => document.querySelector(selector).currentTime > from + 1, { polling: 100 }, video, from)
    .catch(async (cause) => {
      const { currentTime, src, paused, readyState, error } = await page.$eval(video, (it) => ({
        currentTime: it.currentTime, src: it.src, paused: it.paused, readyState: it.readyState, error: it.error?.message,
      }));
      throw new Error(`${kind} does not play: ${JSON.stringify({ from, currentTime, src, paused, readyState, error })}`, { cause });
    });
}

/** Waits until neither of them has anything to play any more. */
export async function seesPlayersStopped({ page }) {
  await page.waitForFunction(
    (kinds) => kinds.every((kind) => !document.querySelector(`[data-testid="player-${kind}"] video`).hasAttribute("src")),
    { polling: 50 },
    KINDS,
  );
}

/** What the page itself finds, by the manager. */
export const syncCheck = ({ page }) => page.evaluate(() => globalThis[Symbol.for("streamkeeper")].manager.syncCheck());

export const orphans = ({ page }) => page.evaluate(() => globalThis[Symbol.for("streamkeeper")].manager.usage().orphans);

/** What the gateway relays now, by key. */
export async function relayed() {
  const streams = await (await fetch(`${DEMO_URL}/streams`)).json();
  return new Map(streams.map(({ key, relays }) => [key, relays]));
}

/** What the gateway finds. */
export async function gatewayCheck() {
  const response = await fetch(`${DEMO_URL}/debug/sync-check`, { headers: await operator() });
  assert.equal(response.status, 200);
  return response.json();
}

const operator = async () => ({ authorization: `Bearer ${await tokenOf("operator", "admin")}` });
