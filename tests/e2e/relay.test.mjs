/** A camera's stream, played through the relay by hls.js and mpegts.js; and ended: players, relay and row stop together. */
import assert from "node:assert/strict";
import { withWindow } from "./browser.mjs";
import { assertEndedOnce, endByHand, row, untilEnded } from "./database.mjs";
import { endAs } from "./gateway.mjs";
import { glance, look } from "./looks.mjs";
import { BUFFER, gatewayCheck, KINDS, moves, orphans, relayed, relayJourney, seesPlayersStopped, syncCheck, watch } from "./players.mjs";

/** So long after the row has ended, nothing of it is left anywhere. */
const TOGETHER = 1_000;

/** When the row ends, everything else follows within a second, in these pages and at the gateway, and nothing is orphaned. */
async function assertAllIsOver(id, ...people) {
  await Promise.all([untilEnded(id), ...people.map(seesPlayersStopped)]);
  const took = Date.now() - (await row(id)).ended_at.getTime();
  const allowed = TOGETHER + (await slowness());
  assert.ok(took <= allowed, `the players stopped ${took} ms after the end, and not within ${allowed}`);
  assert.ok(!(await relayed()).has(id), "it is relayed no more");
  const found = await gatewayCheck();
  for (const name of ["state", "hls_proxy", "ts_proxy", "discrepancies"]) {
    assert.ok(!JSON.stringify(found[name]).includes(id), `${name}: ${JSON.stringify(found)}`);
  }
  for (const person of people) {
    const { state, hls_proxy, ts_proxy, discrepancies } = await syncCheck(person);
    assert.deepEqual([state.stream_count, hls_proxy.session_count, ts_proxy.session_count], [0, 0, 0]);
    assert.equal(discrepancies.has_issues, false);
    assert.equal(await orphans(person), 0);
    await person.sees("relay-hls", "over");
    await person.sees("sync-page", "yes");
  }
}

/** What a busy machine adds: the way from an end to a player is some twenty ways to the gateway and back. */
async function slowness() {
  const before = Date.now();
  await relayed();
  return 20 * (Date.now() - before);
}

relayJourney("both players play, page and gateway are in step, and whoever lets go leaves nothing open", async ({ host, page, id }) => {
  assert.deepEqual(Object.keys((await relayed()).get(id)).sort(), KINDS);
  const { hls_proxy, ts_proxy, discrepancies } = await syncCheck(host);
  const one = { session_count: 1, session_keys: [id] };
  assert.deepEqual([hls_proxy, ts_proxy, discrepancies.has_issues], [one, one, false]);
  await host.sees("sync-page", "yes");
  await host.sees("sync-gateway", "yes");
  await host.sees("relay-ts", "relayed to 1 player");
  await look(page, "relay-1-playing");

  await host.click("play-ts");
  await host.sees("relay-ts", "relayed to 0 players");
  assert.equal((await syncCheck(host)).ts_proxy.session_count, 0);
  await moves(page, "hls");
  await host.click("relay-end-operator");
  await assertAllIsOver(id, host);
  await assertEndedOnce(id, { reason: "operator" });
  await glance(page, "relay-2-over");
});

relayJourney("the camera restarts: both recover, hls.js without a longer stall than it had in hand; then its host ends it", async ({ host, page, id }) => {
  const stall = await page.evaluateHandle(() => {
    const video = document.querySelector('[data-testid="player-hls"] video');
    const stall = { longest: 0 };
    let [time, since] = [video.currentTime, performance.now()];
    setInterval(() => {
      if (video.currentTime !== time) [time, since] = [video.currentTime, performance.now()];
      stall.longest = Math.max(stall.longest, performance.now() - since);
    }, 50);
    return stall;
  });
  await host.click("camera-restart");
  await host.sees("timeline", "The camera is back");
  for (const kind of KINDS) await moves(page, kind);
  const { longest } = await stall.jsonValue();
  // A transport stream is played as it comes: there is nothing in hand.
  assert.ok(longest <= BUFFER, `it stalled for ${longest} ms`);
  assert.equal(await orphans(host), 0);

  await host.click("relay-end");
  await assertAllIsOver(id, host);
  await assertEndedOnce(id, { reason: "requested" });
});

relayJourney("another device of its host ends it: so it is for everybody who watches", async ({ host, page, id }) => {
  await withWindow(page, async (other) => {
    const viewer = await watch(other, id);
    await endAs(host.user, id, "other_device");
    await assertAllIsOver(id, host, viewer);
    await assertEndedOnce(id, { reason: "other_device" });
  });
});

relayJourney("its row is ended in the database, by hand; a page that plays by HLS alone hears of that too", async ({ host, id }) => {
  await host.click("play-ts");
  await host.sees("relay-ts", "relayed to 0 players");
  await endByHand(id);
  await assertAllIsOver(id, host);
});
