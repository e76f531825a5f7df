/**
 * Sockets that go silent: nothing comes any more, and nothing says so. How many of them does who holds them notice? Each
 * goes silent at its own moment between two of the server's words. Runs in a page or in Node, by the world's clock.
 */
import { random } from "./random.mjs";

/** By the time of this a person would have given up on their chat. */
const LONG = 10 * 60_000;
/** The SDK pings after 25 s, and gives a socket up that was quiet for 35. */
const PHASES = 60_000;

/** Who holds a connection: `connect(user)`, and `close()`. */
export const HOLDERS = {
  bare: (world) => {
    const client = world.client();
    return {
      connect: (user) => client.connectUser({ id: user }, world.server.token(user)),
      close: () => client.disconnectUser(),
    };
  },
  managed: (world) => {
    const manager = world.manager({ inactivity: { timeout: null }, logger: {} });
    return {
      connect: (user) => manager.connectUser(user, () => world.server.token(user)),
      close: () => manager.dispose(),
    };
  },
};

/**
 * For each of so many sockets, `{ after, isLeft }`: how long after its last word it was given up (`null`: not within ten
 * minutes), and whether it is open all the same. `lateness`: how late timers may fire, as they do in every browser.
 */
export async function experiment(world, hold, sockets, lateness = 0) {
  const chance = random(sockets);
  const punctual = world.lateTimers(() => Math.floor(chance() * (lateness + 1)));
  const outcomes = [];
  for (let i = 0; i < sockets; i++) {
    const user = world.somebody();
    const holder = hold(world);
    await world.meanwhile(holder.connect(user));
    await world.pass(chance() * PHASES);
    outcomes.push(await outcomeOf(world, user));
    await world.meanwhile(holder.close());
  }
  punctual();
  return outcomes;
}

async function outcomeOf(world, user) {
  const { server } = world;
  const [socket] = server.open(user);
  const began = Date.now();
  server.silence(user);
  const isGivenUp = () => server.opened(user) > 1 || !Number.isNaN(socket.closeAskedAt);
  while (!isGivenUp() && Date.now() < began + LONG) await world.pass(100);
  const after = isGivenUp() ? Date.now() - began : null;
  await world.pass(LONG);
  server.silence(user, false);
  return { after, isLeft: server.open(user).includes(socket) };
}
