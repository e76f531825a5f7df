/**
 * Days on end in one page that is never loaded again, in front of a gateway that lives almost as long: at the same time of every
 * night the same is open, nobody's memory has grown, and what was hosted has ended once. A short run is part of the normal
 * tests; `--soak` makes an hour of it, or STREAMKEEPER_SOAK_MINUTES.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { pageTest } from "./browser.mjs";
import { passTime, streamsOf, sweep } from "./database.mjs";
import { EXACT, growing } from "./flat.mjs";
import { makeSite } from "./long-run-site.mjs";
import { databaseMeasures, gatewayMeasures, pageMeasures } from "./measures.mjs";
import { countOpenThings } from "./open-things.mjs";
import { OwnGateway } from "./own-gateway.mjs";
import { paceTime } from "./paced-clock.mjs";
import { tableOf } from "./quarters-table.mjs";
import { Wire } from "./wire.mjs";

const MINUTE = 60_000;
const MEGABYTE = 1_048_576;
const WASM_PAGE = 65_536;
const MINUTES = Number(process.env.STREAMKEEPER_SOAK_MINUTES ?? (process.env.STREAMKEEPER_SOAK ? 60 : 0));
const FEWEST_DAYS = 4;
/** A gateway that has just lost everybody needs a moment to see it. */
const PATIENCE = 15_000;

/** In seconds; the server's are everybody's. */
const LONGEST_LEASE = 600;

const OPERATOR = `operator-${randomUUID()}`;

/** In a few days neither has V8 compiled what it will, nor is the trace full, which is a ring of a megabyte. */
const WARMING_UP = MINUTES > 0 ? 0 : 1;

/** From the second quarter to the last. */
const BOUNDS = {
  heapBytes: { share: 0.02 + 0.1 * WARMING_UP, more: 0.25 * MEGABYTE },
  wasmBytes: { more: WASM_PAGE + 1.25 * MEGABYTE * WARMING_UP },
  nodes: EXACT,
  documents: EXACT,
  listeners: EXACT,
  sockets: EXACT,
  feeds: EXACT,
  channels: EXACT,
  locks: EXACT,
  stored: EXACT,
  timers: EXACT,
  rooms: EXACT,
  events: EXACT,
  promised: EXACT,
  sessions: EXACT,
  // So many that are over are remembered.
  streams: { more: 20 },
  rssBytes: { share: 0.05, more: 4 * MEGABYTE },
  files: { more: 2 },
  tasks: { more: 1 },
  connections: { more: 2 },
  abandoned: EXACT,
  waiting: EXACT,
};

const ENDINGS = ["readyToClose", "by its id", "with its room", "by leaving the page of it", "on a redirect", "elsewhere", "by signing out"];

/** What becomes of the network at noon. */
const NETWORKS = [
  async ({ wire, life }) => {
    wire.cut();
    await life("noticesNetwork", false);
    wire.mend();
    await life("noticesNetwork", true);
  },
  async ({ wire }) => wire.drop(),
  async ({ wire, page }) => {
    await page.setOfflineMode(true);
    wire.drop();
    await page.setOfflineMode(false);
  },
  async ({ life }) => life("silence"),
];

/** What becomes of a stream that is hosted in another tab of this browser; its host is this page's visitor. */
const OTHER_TABS = [
  async ({ tab, there, begin, stream }) => {
    await tab.reload();
    await begin();
    await there("resume", stream);
    // However the page before it is remembered: who asks for the end gets it.
    await there("end", "by its id");
    await there("ended");
    await tab.close();
  },
  // Over when its lease is.
  async ({ tab }) => tab.close(),
  // Over when its host is in this browser again: it lies in the outbox.
  async ({ tab, there, wire }) => {
    wire.cut();
    await there("end", "readyToClose");
    await tab.close();
    wire.mend();
  },
];

/** Waits until nothing of these people is live any more, as if the longest lease were over; gives their streams. */
async function untilLapsed(people) {
  const deadline = performance.now() + PATIENCE;
  for (;;) {
    const streams = await streamsOf(people);
    const live = streams.filter(({ status }) => status !== "ended");
    if (live.length === 0) return streams;
    assert.ok(performance.now() < deadline, `there are streams that are not over: ${JSON.stringify(live)}`);
    for (const { id } of live) await passTime(id, LONGEST_LEASE);
    await sweep();
  }
}

class LongRun {
  hosted = [];
  days = [];
  #people = ["ana", "bea", "cid"].map((name) => `${name}-${randomUUID().slice(0, 8)}`);

  static async start({ t, page, context }) {
    const run = new LongRun();
    const site = await makeSite();
    t.after(site.remove);
    const gateway = await OwnGateway.start(t, site.path, { ADMIN_TOKEN: OPERATOR });
    const wire = await new Wire(gateway.port).open();
    t.after(() => wire.close());
    Object.assign(run, { page, context, gateway, wire, measurePage: await pageMeasures(page) });
    await run.#prepare(page);
    return run;
  }

  /** Has the page's own person do something. */
  life = (act, ...given) => this.#act(this.page, act, given);

  async day(number) {
    const { life, wire } = this;
    await life("morning");
    this.hosted.push(await life("goLive"));
    await life("work");
    await life("remount");
    await NETWORKS[number % NETWORKS.length](this);
    await life("isThere", "after the network was lost");
    const how = ENDINGS[number % ENDINGS.length];
    await life("end", how);
    await life("ended");
    if (how === "by signing out") await life("morning");
    await life("lunch");
    await life("otherTab");
    if (number % 2 === 0) await this.#inAnotherTab(OTHER_TABS[(number / 2) % OTHER_TABS.length]);
    await this.#freeze();
    // Nobody's sockets outlive a night in a bag.
    wire.drop();
    await life("lid", 2);
    await life("visit");
    await life("night");
  }

  /** Everybody is away: what is left? */
  async measure() {
    this.wire.drop();
    const gateway = await gatewayMeasures(this.gateway, OPERATOR, PATIENCE);
    const page = { ...(await this.measurePage()), ...(await this.life("rest")) };
    this.days.push({ ...page, ...gateway, ...(await databaseMeasures()) });
  }

  async restartGateway() {
    await this.gateway.stop("SIGTERM");
    await this.gateway.start();
  }

  /** Nothing went wrong, and what was hosted has ended, once, and is owed by nobody. */
  async assertAllIsOver() {
    assert.deepEqual(await this.page.evaluate(() => life.wrong), []);
    assert.deepEqual(await this.page.evaluate(() => life.manager.pendingEnds()), []);
    const streams = await untilLapsed(this.#people);
    assert.deepEqual(streams.map(({ id }) => id).sort(), this.hosted.toSorted());
    assert.deepEqual(streams.filter(({ status, ends }) => status !== "ended" || ends !== 1), []);
  }

  async #prepare(page) {
    for (const first of [paceTime, countOpenThings]) await page.evaluateOnNewDocument(first);
    await page.goto(this.wire.url);
    await this.#begin(page);
  }

  async #begin(page) {
    await page.waitForFunction(() => globalThis.Life);
    await page.evaluate(async (people) => void (globalThis.life = await Life.begin(people)), this.#people);
  }

  #act(page, act, given) {
    return page.evaluate((act, given) => life[act](...given), act, given);
  }

  async #inAnotherTab(fate) {
    const tab = await this.context.newPage({ type: "window" });
    const there = (act, ...given) => this.#act(tab, act, given);
    const [, visitor] = this.#people;
    const begin = () => this.#begin(tab).then(() => there("morning", visitor));
    await this.#prepare(tab);
    await untilLapsed([visitor]);
    await there("morning", visitor);
    const stream = await there("goLive");
    this.hosted.push(stream);
    await fate({ wire: this.wire, tab, there, begin, stream });
  }

  async #freeze() {
    const cdp = await this.page.createCDPSession();
    await cdp.send("Page.setWebLifecycleState", { state: "frozen" });
    await cdp.send("Page.setWebLifecycleState", { state: "active" });
    await cdp.detach();
    await this.life("isThere", "after it was frozen");
  }
}

pageTest(
  "days on end leave nothing behind: in the page, in the gateway, in the database",
  async (given) => {
    const run = await LongRun.start(given);
    const began = performance.now();
    const passed = () => (performance.now() - began) / (MINUTES * MINUTE);
    for (let day = 0; day < FEWEST_DAYS || passed() < 1; day++) {
      // While all warms up; from then on one gateway lives on, or its memory would say nothing.
      if (day === 1 || (day % 10 === 1 && passed() < 0.2)) await run.restartGateway();
      await run.day(day);
      await run.measure();
      if (MINUTES > 0) console.log(JSON.stringify({ day, ...run.days.at(-1) }));
    }
    if (MINUTES > 0) {
      // The last day is of another gateway again, and is not measured.
      await run.restartGateway();
      await run.day(run.days.length);
    }
    given.t.diagnostic(`\n${tableOf(run.days, Object.keys(BOUNDS))}`);
    assert.deepEqual(growing(run.days, BOUNDS), []);
    await run.assertAllIsOver();
  },
  { timeout: 4 * MINUTE + MINUTES * 1.2 * MINUTE },
);

pageTest("what the long run looks for it finds: a page that keeps something every day", async (given) => {
  const run = await LongRun.start(given);
  for (let day = 0; day < FEWEST_DAYS; day++) {
    await run.life("leak");
    await run.life("night");
    await run.measure();
  }
  const found = growing(run.days, BOUNDS).map((line) => line.split(" ")[0]);
  assert.deepEqual(found, ["heapBytes", "listeners", "timers"]);
});
