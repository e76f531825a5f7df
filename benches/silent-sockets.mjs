/** Forty sockets that go silent: how many of them are noticed, and when, by whoever holds them. `cargo xtask bench silent-sockets` */
import { createWorld } from "../tests/e2e/chat-world.mjs";
import { experiment } from "../tests/e2e/silent-sockets.mjs";
import { vendorFile } from "../tests/e2e/vendor.mjs";
import { release, report, table } from "./report.mjs";
import { PEERS } from "./silent-sockets/peers.mjs";

const SOCKETS = 40;
/** How many milliseconds late timers fire at most. In a quiet browser it is about one. */
const LATENESS = [0, 1, 4];
const QUIET_MINUTES = 20;

// What the packages listen to in a browser.
globalThis.self = globalThis;
globalThis.window = new EventTarget();

const world = await createWorld({
  fakeTimers: async () => import(await vendorFile("@sinonjs/fake-timers")),
  streamChat: async () => import(await vendorFile("stream-chat")),
  streamkeeper: async () => {
    const module = await import("streamkeeper/inline");
    await module.default();
    return module;
  },
});

/** How many messages a minute it takes to know that a quiet socket is alive, both ways. */
async function quietMinute(hold) {
  const [user, holder] = [world.somebody(), hold(world)];
  await world.meanwhile(holder.connect(user));
  const [socket] = world.server.open(user);
  let messages = 0;
  socket.addEventListener("message", () => (messages += 1));
  const { send } = socket;
  socket.send = (text) => ((messages += 1), send.call(socket, text));
  await world.pass(QUIET_MINUTES * 60_000);
  await world.meanwhile(holder.close());
  return messages / QUIET_MINUTES;
}

const stream = world.server;
const seconds = (milliseconds) => (milliseconds === undefined ? "–" : `${(milliseconds / 1_000).toFixed(0)} s`);
const noticed = (outcomes) => outcomes.map(({ after }) => after).filter((after) => after !== null);

async function row({ name, what, service, load }) {
  world.server = service?.install() ?? stream;
  const hold = await load();
  const messages = await quietMinute(hold);
  const runs = [];
  for (const lateness of LATENESS) runs.push(await experiment(world, hold, SOCKETS, lateness));
  const times = noticed(runs.flat()).sort((a, b) => a - b);
  const left = runs.flat().filter(({ isLeft }) => isLeft);
  const cells = [
    what ? `**Streamkeeper**, ${what}` : release(name),
    ...runs.map((outcomes) => noticed(outcomes).length),
    ...[times[times.length >> 1], times.at(-1)].map(seconds),
    `${left.length} of ${LATENESS.length * SOCKETS}`,
    messages.toFixed(1),
  ];
  return { isOurs: Boolean(what), cells, isComplete: times.length === LATENESS.length * SOCKETS && left.length === 0 };
}

const rows = [];
for (const peer of PEERS) rows.push(await row(peer));
world.server = stream;
world.end();

const head = [
  "who holds the sockets",
  `noticed of ${SOCKETS}, timers punctual`,
  ...LATENESS.slice(1).map((most) => `up to ${most} ms late`),
  "median",
  "longest",
  "open all the same",
  "messages a quiet minute",
];
report("silent-sockets", table([head, ...rows.map(({ cells }) => cells)]));
if (rows.some(({ isOurs, isComplete }) => isOurs && !isComplete)) {
  console.error("Streamkeeper has to notice every socket, and to leave none open.");
  process.exit(1);
}
