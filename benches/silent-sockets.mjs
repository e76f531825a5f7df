/** Forty sockets that go silent: how many of them the manager notices, and how many the bare SDK. `cargo xtask bench silent-sockets` */
import { createWorld } from "../tests/e2e/chat-world.mjs";
import { experiment, HOLDERS } from "../tests/e2e/silent-sockets.mjs";
import { vendorFile, versionOf } from "../tests/e2e/vendor.mjs";

const SOCKETS = 40;
/** How many milliseconds late timers fire at most. In a quiet browser it is about one. */
const LATENESS = [0, 1, 4];

// What the SDK listens to in a browser.
globalThis.self = globalThis;
globalThis.window = new EventTarget();

const world = await createWorld({
  fakeTimers: async () => import(await vendorFile("@sinonjs/fake-timers")),
  streamChat: async () => import(await vendorFile("stream-chat")),
  streamkeeper: async () => {
    const module = await import("../www/node_modules/streamkeeper/dist/inline.js");
    await module.default();
    return module;
  },
});

const seconds = (milliseconds) => (milliseconds === undefined ? "–" : `${(milliseconds / 1_000).toFixed(0)} s`);
const rows = [["timers are late by", "who holds the sockets", "noticed", "median", "longest", "open all the same"]];
for (const lateness of LATENESS) {
  for (const [name, hold] of [["stream-chat alone", HOLDERS.bare], ["Streamkeeper", HOLDERS.managed]]) {
    const outcomes = await experiment(world, hold, SOCKETS, lateness);
    const noticed = outcomes.map(({ after }) => after).filter((after) => after !== null).sort((a, b) => a - b);
    const left = outcomes.filter(({ isLeft }) => isLeft).length;
    const [median, longest] = [noticed[noticed.length >> 1], noticed.at(-1)].map(seconds);
    const late = lateness === 0 ? "nothing" : `0 to ${lateness} ms`;
    rows.push([late, name, `${noticed.length} of ${SOCKETS}`, median, longest, `${left} of ${SOCKETS}`]);
  }
}
world.end();

console.log(`stream-chat ${await versionOf("stream-chat")}, Node ${process.versions.node}, ${SOCKETS} sockets each\n`);
const [head, ...body] = rows;
for (const row of [head, head.map(() => "---"), ...body]) console.log(`| ${row.join(" | ")} |`);
