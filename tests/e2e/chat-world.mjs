/** Stream's service, its real SDK and a clock, all inside of one page or one Node: what happens next is up to the test. */
import { FakeStream } from "./fake-stream.mjs";

const MINUTE = 60_000;

/** `modules` gives `{ fakeTimers, streamChat, streamkeeper }`: the first two are taken once the globals are ours. */
export async function createWorld(modules) {
  const server = new FakeStream().install();
  const { StreamChat } = await modules.streamChat();
  const streamkeeper = await modules.streamkeeper();
  const { default: fakeTimers } = await modules.fakeTimers();
  const toFake = ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"];
  const clock = fakeTimers.install({ now: 1e12, toFake });
  return new World(clock, server, StreamChat, streamkeeper);
}

/** In a page of `labTest`. */
export function pageWorld() {
  return createWorld({
    fakeTimers: () => import("../vendor/@sinonjs/fake-timers.mjs"),
    streamChat: () => import("../vendor/stream-chat.mjs"),
    streamkeeper: () => globalThis.initialised(),
  });
}

class World {
  #people = 0;
  #turns = new MessageChannel();

  constructor(clock, server, StreamChat, streamkeeper) {
    Object.assign(this, { clock, server, StreamChat, streamkeeper });
  }

  /** Somebody whom nobody else is. */
  somebody(name = "user") {
    return `${name}-${++this.#people}`;
  }

  /** A client as the SDK's users make it. */
  client() {
    return new this.StreamChat("key", this.server.options());
  }

  /** A manager that keeps such clients; the page's one. */
  manager(config = {}) {
    const chat = this.streamkeeper.streamChat({ createClient: () => this.client() });
    return this.streamkeeper.ConnectionManager.shared({ chat, ...config });
  }

  /** A person's time: nobody has to wait for it here. */
  scaled(milliseconds) {
    return milliseconds;
  }

  /** What has not come by now never will. */
  async patience() {}

  /** Everything that waits for nothing but promises happens. */
  turn() {
    return new Promise((resolve) => {
      this.#turns.port1.onmessage = resolve;
      this.#turns.port2.postMessage(null);
    });
  }

  /** So much time passes, and whatever is due in it happens: one after the other, with all that follows from it. */
  async pass(milliseconds, look = () => {}) {
    let isOver = false;
    this.clock.setTimeout(() => (isOver = true), milliseconds);
    await this.turn();
    while (!isOver) {
      this.clock.next();
      look();
      await this.turn();
    }
    look();
  }

  /** The page's timers fire later by what this gives, until the function that this gives is called. */
  lateTimers(lateness) {
    const { setTimeout } = globalThis;
    // Shorter ones are the network's, on which everything keeps its order.
    globalThis.setTimeout = (run, wait = 0, ...rest) => setTimeout(run, wait < 1_000 ? wait : wait + lateness(), ...rest);
    return () => (globalThis.setTimeout = setTimeout);
  }

  /** What a promise comes to, if time is what it waits for, and not more than a minute of it. */
  async meanwhile(promise) {
    let isSettled = false;
    const outcome = Promise.allSettled([promise]).then(([it]) => ((isSettled = true), it));
    const until = Date.now() + MINUTE;
    while (!isSettled && Date.now() < until) await this.pass(10);
    if (!isSettled) throw new Error("not within a minute");
    const { value, reason } = await outcome;
    if (reason) throw reason;
    return value;
  }

  /** No more of either; Node would stay alive for it. */
  end() {
    this.#turns.port1.close();
    this.clock.uninstall();
    this.server.uninstall();
  }
}
