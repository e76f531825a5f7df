/**
 * What a connection costs a page in which nobody does anything. `cargo xtask bench idle`
 *
 * Every package is connected to a service of its own kind on this machine, with the defaults of its documentation, in a
 * window that is seen, in a tab that is not, and it is there without being connected. All at the same time, for three real
 * minutes, once the first minute and what is done in it is over. A wake-up is a timer that fires or a message that comes.
 */
import { setTimeout as pause } from "node:timers/promises";
import { nameOf, withBrowser } from "./page/browser.mjs";
import { livekit } from "./page/livekit.mjs";
import { serveSockets } from "./page/services.mjs";
import { serveSite } from "./page/site.mjs";
import { release, report, table } from "./report.mjs";

/** Longer than Streamkeeper keeps a tab connected that nobody sees (`hiddenGrace`). */
const SETTLE = 75_000;
const MINUTES = 3;

const PAGES = {
  streamkeeper: "**Streamkeeper**",
  "streamkeeper-left": "**Streamkeeper**, after its `inactivity.timeout`",
  "streamkeeper-stream-chat": "**Streamkeeper**, chat by stream-chat",
  "stream-chat": release("stream-chat"),
  centrifuge: release("centrifuge"),
  "realtime-js": release("@supabase/realtime-js"),
  "livekit-client": release("livekit-client"),
  partysocket: release("partysocket"),
};
const WAYS = { seen: "#connected", hidden: "#connected", alone: "" };

/** Counts the timers that fire, in the page. */
function countTimers() {
  window.fired = 0;
  for (const name of ["setTimeout", "setInterval"]) {
    const set = window[name].bind(window);
    window[name] = (act, ...rest) =>
      set((...args) => {
        window.fired += 1;
        act(...args);
      }, ...rest);
  }
}

async function open(browser, url, way) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  page.on("pageerror", (error) => console.error(url, error));
  const cdp = await page.createCDPSession();
  const counts = { received: 0, sent: 0, bytes: 0 };
  await cdp.send("Network.enable");
  const heed = (what) => ({ response }) => {
    counts[what] += 1;
    counts.bytes += Buffer.from(response.payloadData, response.opcode === 2 ? "base64" : "utf8").length;
  };
  cdp.on("Network.webSocketFrameReceived", heed("received"));
  cdp.on("Network.webSocketFrameSent", heed("sent"));
  await page.evaluateOnNewDocument(countTimers);
  const isIdle = new Promise((resolve) => page.on("console", (message) => message.text() === "idle" && resolve()));
  await Promise.all([page.goto(url + WAYS[way]), isIdle]);
  // A second tab in its window is before the first.
  if (way === "hidden") await (await context.newPage()).bringToFront();
  const state = await page.evaluate(() => document.visibilityState);
  if ((state === "hidden") !== (way === "hidden")) throw new Error(`${url} is ${state}`);
  return async () => ({ ...counts, fired: await page.evaluate(() => window.fired) });
}

const names = Object.keys(PAGES);
const site = await serveSite({ source: "idle", names });
const [minutes, browserName] = await withBrowser(async (browser) => {
  serveSockets(site.server, { more: { "livekit/rtc": await livekit(browser) } });
  const minutes = {};
  const looks = [];
  for (const name of names) {
    for (const way of Object.keys(WAYS)) looks.push([name, way, await open(browser, site.url(name), way)]);
  }
  await pause(SETTLE);
  const before = await Promise.all(looks.map(([, , look]) => look()));
  await pause(MINUTES * 60_000);
  const after = await Promise.all(looks.map(([, , look]) => look()));
  looks.forEach(([name, way], n) => {
    const of = (what) => (after[n][what] - before[n][what]) / MINUTES;
    const [fired, received, sent, bytes] = ["fired", "received", "sent", "bytes"].map(of);
    (minutes[name] ??= {})[way] = { fired, wakes: fired + received, messages: received + sent, bytes };
  });
  return [minutes, await nameOf(browser)];
});
await site.close();

const row = (name) => {
  const { seen, hidden, alone } = minutes[name];
  const cells = [seen.fired, seen.wakes, seen.messages, seen.bytes, hidden.fired, hidden.wakes, hidden.messages, alone.wakes];
  return [PAGES[name], ...cells.map((value) => value.toFixed(value < 100 ? 1 : 0))];
};
const head = ["a minute", "seen: timers", "wake-ups", "messages", "bytes", "hidden: timers", "wake-ups", "messages", "not connected: wake-ups"];
report("idle", `${browserName}, ${MINUTES} minutes.

${table([head, ...names.map(row)])}`);
