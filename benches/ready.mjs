/**
 * What a package adds to an app until the app can use it: bytes, milliseconds, work. `cargo xtask bench ready`
 *
 * The app is React alone; each row is that app with one thing more, bundled, minified and compressed alike, loaded cold
 * over the same slow line by the same slow processor, in turns. It is usable when its first call may be made.
 */
import { machine, metricsOf, nameOf, withBrowser, withPage } from "./page/browser.mjs";
import { quartile } from "./page/numbers.mjs";
import { serveSite } from "./page/site.mjs";
import { release, report, table } from "./report.mjs";

const ROUNDS = 9;
/** A phone on a fair mobile network, as Chromium's own tools have it. */
const NETWORK = { offline: false, latency: 165, downloadThroughput: 8_100_000 / 8, uploadThroughput: 1_350_000 / 8 };
const SLOWER = 4;

const PAGES = {
  nothing: "the app alone",
  streamkeeper: "**Streamkeeper**",
  "streamkeeper-early": "**Streamkeeper**, `init()` before the first render",
  helpers: ["partysocket", "react-idle-timer", "p-retry"].map(release).join(", "),
  centrifuge: release("centrifuge"),
  "realtime-js": release("@supabase/realtime-js"),
  "livekit-client": release("livekit-client"),
  "stream-chat": release("stream-chat"),
  "stream-chat-helpers": [release("stream-chat"), "react-idle-timer", "p-retry"].join(", "),
  "stream-chat-streamkeeper": `${release("stream-chat")}, **Streamkeeper**`,
};

/** One cold load. */
function load(browser, url) {
  return withPage(browser, async (page, cdp) => {
    await cdp.send("Network.enable");
    await cdp.send("Network.setCacheDisabled", { cacheDisabled: true });
    await cdp.send("Network.emulateNetworkConditions", NETWORK);
    await cdp.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
    // Of the thread's own time, lest other work on the machine counts.
    await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
    let [bytes, requests] = [0, 0];
    cdp.on("Network.dataReceived", ({ encodedDataLength }) => (bytes += encodedDataLength));
    cdp.on("Network.requestWillBeSent", ({ request }) => (requests += request.url.startsWith("http") ? 1 : 0));
    const isUsable = new Promise((resolve) => page.once("console", resolve));
    await Promise.all([page.goto(url), isUsable]);
    const { TaskDuration } = await metricsOf(cdp);
    return { bytes, requests, work: TaskDuration, ...(await page.evaluate(() => window.seen())) };
  });
}

const names = Object.keys(PAGES);
const site = await serveSite({ source: "ready", names });
const loads = Object.fromEntries(names.map((name) => [name, []]));
const browserName = await withBrowser(async (browser) => {
  for (const name of names) await load(browser, site.url(name)); // what the browser does but once
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of names) loads[name].push(await load(browser, site.url(name)));
  }
  return nameOf(browser);
});
await site.close();

const of = (name, what) => quartile(loads[name].map((load) => load[what]));
const added = (name, what) => of(name, what) - of("nothing", what);
const kilobytes = (bytes) => `${(bytes / 1_000).toFixed(1)} kB`;
const milliseconds = (value) => `${value.toFixed(0)} ms`;
const row = (name) => [
  PAGES[name],
  kilobytes(added(name, "bytes")),
  (added(name, "bytes") / added("streamkeeper", "bytes")).toFixed(2),
  of(name, "requests"),
  milliseconds(of(name, "paint")),
  milliseconds(of(name, "usable")),
  (of(name, "usable") / of("streamkeeper", "usable")).toFixed(2),
  milliseconds(added(name, "work")),
  milliseconds(of(name, "blocked")),
];
const head = ["added to the app", "bytes, brotli", "ratio", "requests", "app painted", "usable", "ratio", "work added", "blocked"];
report("ready", `${browserName}, ${machine()}; ${ROUNDS} cold loads each, first quartiles.

${table([head, ...names.map(row)])}`);
