/**
 * What it costs to know that somebody moves the mouse. `cargo xtask bench activity`
 *
 * A thousand real moves, sixty a second and of which none is coalesced, in an app that has one thing to notice them; all
 * apps side by side, each in a window and a process of its own. What the same moves cost in an app that has nothing is
 * taken off. Times are the main thread's own, lest other work on the machine counts.
 */
import { setTimeout as pause } from "node:timers/promises";
import { machine, metricsOf, nameOf, withBrowser } from "./page/browser.mjs";
import { median } from "./page/numbers.mjs";
import { serveSite } from "./page/site.mjs";
import { release, report, table } from "./report.mjs";

const MOVES = 1_000;
const EVERY = 1_000 / 60;
const ROUNDS = 5;

const APPS = {
  nothing: "nothing",
  streamkeeper: "**Streamkeeper**",
  "react-idle-timer": release("react-idle-timer"),
  "idle-js": release("idle-js"),
  timer: "a listener that sets a timer anew",
  state: "a listener that sets React's state",
};

async function open(browser, name, url) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  page.on("pageerror", (error) => console.error(name, error));
  const cdp = await page.createCDPSession();
  await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
  await page.goto(url, { waitUntil: "networkidle0" });
  const { frameTree } = await cdp.send("Page.getFrameTree");
  return { name, page, cdp, frame: frameTree.frame.id };
}

/** As a hand moves it: one at a time, none sooner than the frame after the one before. */
async function move({ page, cdp }) {
  const { width, height } = page.viewport();
  for (let n = 0; n < MOVES; n++) {
    const next = pause(EVERY);
    // On bare page, beside React's root, which listens to everything.
    const [x, y] = [100 + (n % (width - 200)), height / 2 + (n % 50)];
    await cdp.send("Input.dispatchMouseEvent", { type: "mouseMoved", x, y });
    await next;
  }
}

/** What is called, set and thrown away meanwhile. Counted apart, because counting takes its time too. */
async function count(apps) {
  const sampling = { samplingInterval: 256, includeObjectsCollectedByMinorGC: true, includeObjectsCollectedByMajorGC: true };
  for (const { cdp } of apps) await cdp.send("HeapProfiler.startSampling", sampling);
  const { tracing } = apps[0].page;
  await tracing.start({ categories: ["-*", "devtools.timeline"] });
  const begun = performance.now();
  await Promise.all(apps.map(move));
  const seconds = (performance.now() - begun) / 1_000;
  const { traceEvents } = JSON.parse(Buffer.from(await tracing.stop()).toString());
  const counts = {};
  for (const { name, cdp, frame } of apps) {
    const { profile } = await cdp.send("HeapProfiler.stopSampling");
    const own = traceEvents.filter(({ args }) => args?.data?.frame === frame);
    const many = (what) => own.filter((event) => event.name === what).length;
    const allocated = profile.samples.reduce((sum, { size }) => sum + size, 0);
    counts[name] = { calls: many("FunctionCall"), timers: many("TimerInstall"), allocated };
  }
  return { counts, seconds };
}

/** How long the main threads are in their page's script meanwhile, in milliseconds. */
async function time(apps) {
  const read = async ({ name, cdp }) => [name, (await metricsOf(cdp)).ScriptDuration];
  const before = Object.fromEntries(await Promise.all(apps.map(read)));
  await Promise.all(apps.map(move));
  const after = await Promise.all(apps.map(read));
  return Object.fromEntries(after.map(([name, script]) => [name, script - before[name]]));
}

const names = Object.keys(APPS);
const site = await serveSite({ source: "activity", names });
const [counts, times, seconds, browserName] = await withBrowser(async (browser) => {
  const apps = [];
  for (const name of names) apps.push(await open(browser, name, site.url(name)));
  const { counts, seconds } = await count(apps);
  const times = [];
  for (let round = 0; round < ROUNDS; round++) times.push(await time(apps));
  return [counts, times, seconds, await nameOf(browser)];
});
await site.close();
/** By how much it is more than where nothing listens. */
const added = (name, what) => Math.round(counts[name][what] - counts.nothing[what]);
const script = (name) => median(times.map((round) => round[name] - round.nothing));
const row = (name) => [
  APPS[name],
  added(name, "calls"),
  added(name, "timers"),
  `${(added(name, "allocated") / 1_000).toFixed(0)} kB`,
  `${script(name).toFixed(1)} ms`,
  (script(name) / script("streamkeeper")).toFixed(1),
];
const head = ["who notices", "calls into its script", "timers set", "allocated", "script", "ratio"];
report("activity", `${browserName}, ${machine()}; ${MOVES.toLocaleString("en")} moves in ${seconds.toFixed(0)} s; script: the median of ${ROUNDS} rounds.

${table([head, ...names.slice(1).map(row)])}`);
