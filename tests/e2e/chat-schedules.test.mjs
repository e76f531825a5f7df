/**
 * The manager under random histories, with the real SDK in a real browser: many against the service inside of the page and
 * by its clock, some on real sockets. A failure names its seed.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { labTest } from "./lab.mjs";
import { state, untilCounts } from "./stream-service.mjs";

const SCHEDULES = process.env.STREAMKEEPER_SOAK ? 20_000 : 1_000;
/** So many share a page. */
const BATCH = 100;
const ON_SOCKETS = 20;

const load = (page, world) =>
  page.evaluate(async (world) => {
    const { pageWorld } = await import("./e2e/chat-world.mjs");
    const { realWorld } = await import("./e2e/real-world.mjs");
    globalThis.world = await { pageWorld, realWorld }[world]();
    globalThis.runSchedule = (await import("./e2e/chat-schedule.mjs")).runSchedule;
  }, world);

const run = (page, seed) => page.evaluate((seed) => runSchedule(world, seed), seed);

/** How many closes were given up. */
let givenUp = 0;
for (let first = 1; first <= SCHEDULES; first += BATCH) {
  const last = first + BATCH - 1;
  labTest(`schedules ${first} to ${last}: one socket at most, and none a minute after the end`, async ({ page, open }) => {
    await open();
    await load(page, "pageWorld");
    let opened = 0;
    for (let seed = first; seed <= last; seed++) {
      const ran = await run(page, seed);
      assert.deepEqual(ran.wrong, [], `seed ${seed}`);
      opened += ran.opened;
      givenUp += ran.givenUp;
    }
    assert.ok(opened > BATCH, `the histories were about something: ${opened} sockets`);
  });
}

test("some of them have given up a close, which is when there may be two sockets", () => assert.ok(givenUp > 0));

labTest("what these schedules look for they find: a transport that does not wait for its close is caught", async ({ page, open }) => {
  await open();
  await load(page, "pageWorld");
  await page.evaluate(() => {
    const keep = world.manager.bind(world);
    const careless = {
      open: async ({ user, token }) => {
        const client = world.client();
        await client.connectUser(user, token);
        return client;
      },
      close: (client) => void client.closeConnection(),
    };
    world.manager = (config) => keep({ ...config, chat: careless });
  });
  const found = new Set();
  for (let seed = 1; seed <= 20; seed++) {
    const { wrong } = await run(page, seed);
    for (const words of wrong) found.add(words.replace(/\d+/g, "n").split(":")[0]);
  }
  for (const words of ["n sockets at n", "n sockets a minute after the end"]) assert.ok(found.has(words), `${[...found]}`);
});

for (const first of [1, ON_SOCKETS / 2 + 1]) {
  const last = first + ON_SOCKETS / 2 - 1;
  labTest(`on real sockets, schedules ${first} to ${last}: one at most, and none after the end`, async ({ page, open }) => {
    await open();
    await load(page, "realWorld");
    const users = [];
    for (let seed = first; seed <= last; seed++) {
      const ran = await run(page, seed);
      assert.deepEqual(ran.wrong, [], `seed ${seed}`);
      users.push(...ran.users.map((user) => ({ user, seed })));
    }
    let opened = 0;
    for (const { user, seed } of users) {
      if (!(user in (await state()).by_user)) continue;
      const counts = await untilCounts(user, ({ open }) => open === 0);
      assert.equal(counts.peak, 1, `seed ${seed}: ${user}`);
      opened += counts.opened;
    }
    assert.ok(opened > ON_SOCKETS / 4, `the histories were about something: ${opened} sockets`);
  });
}
