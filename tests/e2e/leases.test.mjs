/** A stream lives while a page holds it: what becomes of it when the page says nothing more. */
import assert from "node:assert/strict";
import { notInFirefox } from "./browser.mjs";
import { assertEndedOnce, assertLive, leases, passTime, sweep, untilEnded, untilLeases } from "./database.mjs";
import { endAs, tokenOf } from "./gateway.mjs";
import { journey } from "./host.mjs";
import { kill } from "./hosting.mjs";
import { labTest } from "./lab.mjs";

/** What the page asks for, in seconds. */
const VISIBLE = 90;
const RELOAD = 30;

const lengths = (held) => held.map(({ lease_seconds }) => lease_seconds);
const asksFor = (seconds) => (held) => lengths(held).join() === String(seconds);

notInFirefox("a closed tab asks for as long as a reload takes, and then its stream ends", (title) =>
  journey(title, async ({ host, page }) => {
    const id = await host.goLive();
    await untilLeases(id, asksFor(VISIBLE));
    await page.close();
    const [{ lease_until }] = await untilLeases(id, asksFor(RELOAD));

    await passTime(id, RELOAD - 10);
    await sweep();
    await assertLive(id);

    await passTime(id, 10 + 1);
    await sweep();
    await untilEnded(id);
    await assertEndedOnce(id, { reason: "lease_expired", at: new Date(lease_until.getTime() - (RELOAD + 1) * 1000) });
  }),
);

journey("a browser that is killed says nothing, and its stream ends by its lease", async ({ host, page }) => {
  const id = await host.goLive();
  await untilLeases(id, asksFor(VISIBLE));
  await kill(page);
  await passTime(id, VISIBLE + 1);
  await sweep();
  await untilEnded(id);
  await assertEndedOnce(id, { reason: "lease_expired" });
});

journey("a database that was away for longer than a lease ends nothing", async ({ host, page }) => {
  const id = await host.goLive();
  await untilLeases(id, asksFor(VISIBLE));
  // Neither page nor sweeper got through meanwhile.
  await passTime(id, 10 * VISIBLE, { sweeperWasAway: true });
  await sweep();
  await assertLive(id);
  await page.evaluate(() => void window.dispatchEvent(new Event("online")));
  await untilLeases(id, ([lease]) => lease.lease_until > new Date());
  await sweep();
  await assertLive(id);
});

journey("a hidden page holds its stream for longer, as long as its timers may be throttled", async ({ host, page }) => {
  const id = await host.goLive();
  await untilLeases(id, asksFor(VISIBLE));
  // A headless browser shows every tab: the page is told what it would be told.
  await page.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "hidden" });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await untilLeases(id, asksFor(300));
  await page.evaluate(() => {
    delete document.visibilityState;
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await untilLeases(id, asksFor(VISIBLE));
});

journey("a stream that is ended on another device is over here, and the meeting is left", async ({ host, page }) => {
  const id = await host.goLive();
  await endAs(host.user, id, "other device");
  // The next renewal hears of it: at the latest after 20 s, and at once when the network comes back.
  await page.evaluate(() => void window.dispatchEvent(new Event("online")));
  await host.sees("stream-status", "ended");
  await host.page.waitForFunction((user) => document.body.textContent.includes(`${user} is not in the meeting`), {}, host.user);
  assert.equal(host.endCalls, 0);
  await assertEndedOnce(id, { reason: "other device" });
});

labTest("a reload within its time keeps the stream, under another holder", async ({ page, open }) => {
  const token = await tokenOf("ana");
  const hold = (streamId) =>
    page.evaluate(
      async (token, streamId) => {
        const { ConnectionManager } = await initialised();
        const backend = { url: location.origin, accessToken: () => token };
        const manager = ConnectionManager.shared({ backend, ending: { hostGrace: 20_000 } });
        const id = streamId ?? (await manager.startStream()).stream_id;
        const listeners = new Map();
        const meeting = { on: (name, listener) => listeners.set(name, listener), off: (name) => listeners.delete(name) };
        manager.attachMeeting(meeting, { streamId: id, streamerId: "ana", role: "host" });
        const active = await manager.listActiveStreams();
        return { id, listed: active.some((stream) => stream.stream_id === id) };
      },
      token,
      streamId,
    );
  await open();
  const { id, listed } = await hold();
  assert.ok(listed);
  const [{ holder: first }] = await untilLeases(id, asksFor(VISIBLE));
  // A renewal that is still on its way would overtake the goodbye.
  await page.waitForNetworkIdle({ idleTime: 200 });
  await page.reload();
  await untilLeases(id, asksFor(20));
  await hold(id);
  // The page before it is let go of as soon as the new one holds the stream: whoever leaves then is the last.
  const held = await untilLeases(id, (held) => asksFor(VISIBLE)(held.filter(({ lease_seconds }) => lease_seconds > 0)));
  assert.ok(held.some(({ holder, lease_seconds }) => holder !== first && lease_seconds === VISIBLE));
  await passTime(id, 21);
  await sweep();
  await assertLive(id);
});
