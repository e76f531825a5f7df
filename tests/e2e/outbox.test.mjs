/** What a page could not deliver, the next one does; and nobody who navigates waits for it. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { pageTest } from "./browser.mjs";
import { assertLive, endAttempts, row, untilEnded } from "./database.mjs";
import { FaultyGateway } from "./faulty-gateway.mjs";
import { tokenOf } from "./gateway.mjs";
import { host, kill, untilHeld } from "./hosting.mjs";

let gateway;
before(async () => (gateway = await new FaultyGateway().open()));
after(() => gateway.close());

/** A stream that is live, while the database does not answer any more. */
async function liveBehindSilence(page, user = "ana") {
  gateway.fault = null;
  const id = await host(gateway.url, page, await tokenOf(user));
  await untilHeld(id, 1);
  gateway.fault = "silence";
  return id;
}

/** The next page of this browser, where somebody is signed in. */
async function nextPage(context, user) {
  gateway.fault = null;
  const page = await context.newPage();
  await page.goto(`${gateway.url}/lab/`);
  const token = await tokenOf(user);
  await page.evaluate(async (token) => {
    const { ConnectionManager } = await initialised();
    globalThis.manager = ConnectionManager.shared({ backend: { url: location.origin, accessToken: () => token } });
  }, token);
  return page;
}

async function assertReplayed(id, reason) {
  await untilEnded(id);
  const [attempt, ...more] = await endAttempts(id);
  assert.deepEqual(more, []);
  assert.deepEqual([attempt.outcome, attempt.reason, attempt.replayed], ["ended", reason, true]);
  assert.ok(attempt.attempt > 1, "the calls that got lost are told of");
}

pageTest("what a crash interrupts is ended by the next page of that browser", async ({ page, context }) => {
  const id = await liveBehindSilence(page);
  const met = gateway.meets();
  await page.evaluate((id) => void manager.endStreamById(id, "asked for").catch(() => {}), id);
  await met;
  await kill(page);
  await nextPage(context, "ana");
  await assertReplayed(id, "asked for");
});

pageTest("another tab that is open delivers it as soon as its page is gone, and not before", async ({ page, context }) => {
  const other = await nextPage(context, "ana");
  const id = await liveBehindSilence(page);
  const met = gateway.meets();
  await page.evaluate((id) => void manager.endStreamById(id, "asked for").catch(() => {}), id);
  await met;
  await other.waitForFunction(() => manager.pendingEnds().length === 1, { polling: 50 });
  assert.deepEqual(await other.evaluate(() => manager.usage().ends.attempts), 0);
  gateway.fault = null;
  await kill(page);
  await assertReplayed(id, "asked for");
});

pageTest("with somebody else signed in it waits for whoever owes it", async ({ page, context }) => {
  const id = await liveBehindSilence(page);
  const met = gateway.meets();
  await page.evaluate((id) => void manager.endStreamById(id, "asked for").catch(() => {}), id);
  await met;
  await kill(page);
  const other = await nextPage(context, "ben");
  await other.evaluate(() => manager.retryPendingEnds());
  assert.equal(await other.evaluate(() => manager.pendingEnds().length), 1);
  await assertLive(id);
  await nextPage(context, "ana");
  // Its lock is the first tab's until that is gone.
  await other.close();
  await assertReplayed(id, "asked for");
});

pageTest("a navigation does not wait for an end, and loses nothing by it", async ({ page, context }) => {
  const id = await liveBehindSilence(page);
  const result = await page.evaluate(() => manager.endStreamOnRedirect("ana"));
  assert.deepEqual([result.status, result.via], ["queued", "outbox"]);
  await page.goto("about:blank");
  await nextPage(context, "ana");
  await assertReplayed(id, "redirect");
  assert.equal((await row(id)).end_reason, "redirect");
});

pageTest("no token gets into the outbox", async ({ page }) => {
  const id = await liveBehindSilence(page);
  const met = gateway.meets();
  await page.evaluate((id) => void manager.endStreamById(id).catch(() => {}), id);
  await met;
  const stored = await page.evaluate(() => JSON.stringify({ ...localStorage }));
  assert.ok(stored.includes(id) && !stored.includes("eyJ"), stored);
});
