/** Sockets that go silent are noticed, all of them, and let go of: the experiment of `cargo xtask bench silent-sockets` in a browser. */
import assert from "node:assert/strict";
import { labTest } from "./lab.mjs";

const SOCKETS = 40;
/** `health.interval` and `health.timeout`, as they are by default; the last word may be heard a step later. */
const NOTICED_WITHIN = 30_000 + 10_000 + 100;

/** What becomes of sockets that are held like this. */
async function outcomes(page, holder, lateness) {
  return page.evaluate(
    async (holder, sockets, lateness) => {
      const { pageWorld } = await import("./e2e/chat-world.mjs");
      const { experiment, HOLDERS } = await import("./e2e/silent-sockets.mjs");
      return experiment(await pageWorld(), HOLDERS[holder], sockets, lateness);
    },
    holder,
    SOCKETS,
    lateness,
  );
}

labTest("40 of 40 silent sockets are noticed within an interval and a timeout, and none is left", async ({ page, open }) => {
  await open();
  const all = await outcomes(page, "managed", 0);
  assert.equal(all.length, SOCKETS);
  for (const { after } of all) assert.ok(after !== null && after <= NOTICED_WITHIN, `after ${after} ms`);
  assert.deepEqual(all.filter(({ isLeft }) => isLeft), []);
});

labTest("the SDK alone never notices one, if its timers are punctual", async ({ page, open }) => {
  await open();
  const all = await outcomes(page, "bare", 0);
  assert.deepEqual([...new Set(all.map(({ after }) => after))], [null]);
});

labTest("the SDK alone notices some of them, if its timers are late, and leaves every one of them open", async ({ page, open }) => {
  await open();
  const all = await outcomes(page, "bare", 1);
  const noticed = all.filter(({ after }) => after !== null);
  assert.ok(noticed.length > 0 && noticed.length < SOCKETS, `${noticed.length} were noticed`);
  assert.deepEqual(all.filter(({ isLeft }) => !isLeft), []);
});
