/**
 * The fault matrix in a real browser against the real database: a set of cells in which every fault and every ending is
 * there, and their likely pairs. All cells are in simulated time in tests/engine/tests/faults.rs.
 */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { pageTest } from "./browser.mjs";
import { assertLive, endAttempts, passTime, row, sweep, untilEnded } from "./database.mjs";
import { FaultyGateway } from "./faulty-gateway.mjs";
import { host as hostAt, kill, untilHeld } from "./hosting.mjs";
import { tokenOf } from "./gateway.mjs";

const CELLS = [
  ["500", "readyToClose"],
  ["500", "page closed"],
  ["503", "endStreamById"],
  ["503", "second tab"],
  ["429", "left"],
  ["429", "reloaded"],
  ["expired", "readyToClose"],
  ["expired", "page closed"],
  ["refused", "endStreamById"],
  ["refused", "renderer killed"],
  ["not deployed", "left"],
  ["not deployed", "second device"],
  ["html", "readyToClose"],
  ["html", "page closed"],
  ["silence", "endStreamById"],
  ["silence", "reloaded"],
  ["unreachable", "left"],
  ["unreachable", "renderer killed"],
  ["reset", "endStreamById"],
  ["reset", "second tab"],
  ["answer lost", "readyToClose"],
  ["answer lost", "page closed"],
  ["answer lost", "second device"],
  ["offline", "left"],
  ["offline", "endStreamById"],
];

let gateway;
before(async () => (gateway = await new FaultyGateway().open()));
after(() => gateway.close());

const host = (page, token, streamId) => hostAt(gateway.url, page, token, streamId);
const tell = (page, name) => page.evaluate((name) => void globalThis.tell(name), name);
const end = (page, id) => page.evaluate((id) => void manager.endStreamById(id).catch(() => {}), id);
/** As the page would do of itself in half a minute at the latest. */
const retry = (page) => page.evaluate(() => manager.retryPendingEnds());
/** The stream is over, and one call, or the sweeper, has ended it. */
async function assertOver(id) {
  await untilEnded(id);
  const ended = (await endAttempts(id)).filter(({ outcome }) => outcome === "ended");
  assert.equal(ended.length, 1, JSON.stringify(ended));
  assert.deepEqual((await row(id)).status, "ended");
}

/** What the host does while the fault is there, and how it comes out when that is over. */
const ENDINGS = {
  readyToClose: { does: (page) => tell(page, "readyToClose") },
  left: { does: (page) => tell(page, "videoConferenceLeft") },
  endStreamById: {
    does: end,
    // What was refused, only a person asks for again.
    heals: async ({ page, id, fault }) => {
      if (fault !== "refused") return;
      await page.waitForFunction((id) => manager.getSnapshot().streams[id]?.status === "failed", {}, id);
      assert.equal((await row(id)).status, "live");
      await end(page, id);
    },
  },
  "page closed": { does: (page) => page.close(), heals: lapse, silent: true },
  "renderer killed": { does: kill, heals: lapse, silent: true },
};

/** Nobody is left who could say anything: the lease runs out, a page of the same browser may have come before. */
async function lapse({ id }) {
  const deadline = Date.now() + 5_000;
  // More than once: the goodbye of a page that is gone may still be on its way.
  while ((await row(id)).status !== "ended" && Date.now() < deadline) {
    await passTime(id, 91);
    await sweep();
  }
}

async function breaks(fault, page, token) {
  if (fault === "offline") return page.setOfflineMode(true);
  gateway.fault = fault === "expired" ? { expired: token } : fault;
  // The provider would refresh it; the page has the old one at hand.
  if (fault !== "expired") return;
  // Two tokens of one second are one and the same.
  let fresh = token;
  while (fresh === token) fresh = await tokenOf("ana");
  await page.evaluate((fresh) => void (globalThis.token = fresh), fresh);
}

async function heals(fault, page) {
  gateway.fault = null;
  if (fault === "offline") await page.setOfflineMode(false);
}

for (const [fault, ending] of CELLS) {
  pageTest(`${fault} × ${ending}`, async ({ page, context }) => {
    gateway.fault = null;
    const token = await tokenOf("ana");
    const id = await host(page, token);
    await untilHeld(id, 1);
    if (ending === "reloaded") return reloaded({ fault, page, token, id });
    if (ending === "second tab" || ending === "second device") return second({ fault, page, token, id, ending, context });

    const { does, heals: healed, silent } = ENDINGS[ending];
    const met = gateway.meets();
    await breaks(fault, page, token);
    await does(page, id);
    if (fault === "offline") await page.waitForFunction(() => manager.pendingEnds().length === 1);
    else if (!silent && fault !== "expired") await met;
    await heals(fault, page);
    await healed?.({ page, id, fault });
    if (!silent) await retry(page);
    await assertOver(id);
  });
}

/** A reload keeps the stream; then it ends. */
async function reloaded({ fault, page, token, id }) {
  const met = gateway.meets("touch_stream");
  await breaks(fault, page, token);
  await host(page, token, id);
  await met;
  await heals(fault, page);
  await page.evaluate(() => void dispatchEvent(new Event("online")));
  await untilHeld(id, 2);
  // The goodbye of the page before, if that got lost. One that was on its way into the silence comes back as a failure: again.
  await page.evaluate(async () => {
    while (manager.pendingEnds().length > 0) await manager.retryPendingEnds();
  });
  await passTime(id, 6);
  await sweep();
  await assertLive(id);
  await tell(page, "readyToClose");
  await assertOver(id);
}

/** What another tab or device of the host holds lives on, and ends with it. */
async function second({ fault, page, token, id, ending, context }) {
  const other = ending === "second tab" ? context : await context.browser().createBrowserContext();
  const there = await other.newPage();
  await host(there, token, id);
  await untilHeld(id, 2);
  const met = gateway.meets();
  await breaks(fault, page, token);
  await tell(page, "readyToClose");
  await met;
  await heals(fault, page);
  await retry(page);
  // A tab in the background paints nothing: it is asked again and again.
  await page.waitForFunction(() => manager.pendingEnds().length === 0, { polling: 50 });
  assert.equal((await row(id)).status, "live");
  await tell(there, "readyToClose");
  await assertOver(id);
  if (other !== context) await other.close();
}
