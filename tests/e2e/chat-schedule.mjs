/** One random history of a person in front of a page with chat, and what must never be true in it. Runs inside of the page. */
import * as page from "./page-events.mjs";
import { random } from "./random.mjs";

const STEPS = 30;
/** As the engine has it: a close that has not settled by then is given up. */
const CLOSE_TIMEOUT = 5_000;
const MINUTE = 60_000;

/** A component that shows a chat: it follows the manager, as `useChatClient` does, and lets go of its channel in time. */
class Component {
  #manager;
  #client = null;
  #channel = null;
  #say;
  #stops;

  /** `say` hears of what its calls came to. */
  constructor(manager, say) {
    this.#manager = manager;
    this.#say = say;
    this.#stops = [manager.subscribe(() => this.#follow()), manager.on("disconnect", () => this.#letGo())];
    this.#follow();
  }

  speak() {
    this.#call((channel) => channel.sendMessage({ text: "Hello" }));
  }

  unmount() {
    for (const stop of this.#stops) stop();
    this.#letGo();
  }

  #follow() {
    const client = this.#manager.chatClient();
    if (client === this.#client) return;
    this.#client = client;
    if (!client) return;
    this.#channel = client.channel("messaging", client.userID);
    this.#call((channel) => channel.watch());
  }

  /** A call that is under way when its client is closed fails, and nobody waits for it any more. */
  #call(call) {
    const channel = this.#channel;
    if (!channel) return;
    call(channel).catch((error) => {
      if (channel === this.#channel) this.#say(error);
    });
  }

  #letGo() {
    this.#client = null;
    this.#channel = null;
  }
}

/** How an app may give its tokens. */
const TOKENS = {
  good: (server, user) => server.token(user),
  late: (server, user) => new Promise((resolve) => setTimeout(() => resolve(server.token(user)), 3_000)),
  never: () => new Promise(() => {}),
  expired: (server, user) => server.token(user, -1),
  foreign: (server) => server.token("somebody else"),
  rubbish: () => "rubbish",
  none: () => null,
  failing: async () => Promise.reject(new Error("no token today")),
};

/** What may happen, and how often compared with the rest. */
const HAPPENINGS = [
  [6, (it) => it.mount()],
  [3, (it) => it.unmount()],
  [3, (it) => it.connect(it.pick(it.users))],
  [2, (it) => it.signOut()],
  [4, (it) => it.speak()],
  [3, () => page.hide()],
  [4, () => page.show()],
  [2, () => page.goOffline()],
  [3, () => page.goOnline()],
  [1, () => page.leave()],
  [2, () => page.comeBack()],
  [1, () => page.freeze()],
  [2, () => page.resume()],
  [4, (it) => page.stir(it.pick(["mousemove", "keydown", "click", "scroll"]))],
  [1, (it) => it.manager.keepAwake()],
  [1, (it) => it.pass(6 * MINUTE)],
  [2, (it) => it.reconnect(false)],
  [2, (it) => it.reconnect(true)],
  [1, (it) => it.setInactivity({ timeout: it.pick([20_000, 300_000, null]), hiddenGrace: it.pick([0, 60_000]) })],
  [1, (it) => (it.tokens = it.pick(["good", "good", ...Object.keys(TOKENS)]))],
  [3, (it) => it.server.drop()],
  [2, (it) => it.silence()],
  [1, (it) => it.server.expire()],
  [1, (it) => it.server.refuse(it.pick([40, 43, 17, 9, -1]))],
  [2, (it) => (it.server.unreachable = it.chance() < 0.3)],
  [1, (it) => (it.server.acceptDelay = it.chance() * it.pick([100, 3_000, 15_000]))],
  [1, (it) => (it.server.closeDelay = it.chance() * it.pick([100, 3_000, 20_000]))],
];
const ALL = HAPPENINGS.flatMap(([weight, act]) => Array(weight).fill(act));

class Schedule {
  tokens = "good";
  wrong = [];
  givenUp = 0;
  #world;
  #components = [];
  /** What the manager has promised and not kept. */
  #promised = new Set();

  constructor(world, seed) {
    this.#world = world;
    this.server = world.server;
    this.chance = random(seed);
    this.users = ["ana", "bea", "cid"].map((name) => world.somebody(name));
    this.user = this.users[0];
    this.manager = world.manager({ logger: { warn: (message) => (this.givenUp += Number(message.includes("given up"))) } });
  }

  pick(list) {
    return list[Math.floor(this.chance() * list.length)];
  }

  mount() {
    this.connect(this.user);
    this.#components.push(new Component(this.manager, (error) => this.#hear(error)));
  }

  unmount() {
    this.#components.splice(Math.floor(this.chance() * this.#components.length), 1)[0]?.unmount();
  }

  speak() {
    for (const component of this.#components) component.speak();
  }

  connect(user) {
    this.user = user;
    const token = () => TOKENS[this.tokens](this.server, user);
    this.#await(this.manager.connectUser(user, this.chance() < 0.1 ? "not a JWT" : token));
  }

  reconnect(force) {
    this.#await(this.manager.reconnect({ force }));
  }

  signOut() {
    this.#await(this.manager.disconnectUser());
  }

  setInactivity({ timeout, hiddenGrace }) {
    const [scaled, grace] = [timeout, hiddenGrace].map((wait) => this.#world.scaled(wait));
    this.manager.setInactivity({ timeout: scaled, hiddenGrace: grace });
  }

  silence() {
    return this.server.silence(undefined, this.chance() < 0.4);
  }

  pass(milliseconds) {
    return this.#world.pass(milliseconds, () => this.#look());
  }

  async run() {
    for (let i = 0; i < STEPS; i++) {
      await this.pick(ALL)(this);
      this.#look();
      // In the same tick, within the SDK's promises, or after a while.
      const wait = this.chance();
      if (wait > 0.9) await this.pass(this.chance() * MINUTE);
      else if (wait > 0.3) await this.pass(this.chance() * 40);
      else if (wait > 0.15) await this.#world.turn();
    }
    await this.#end();
  }

  async #end() {
    const isDisposed = this.chance() < 0.5;
    if (isDisposed) this.#await(this.manager.dispose());
    else this.signOut();
    Object.assign(this.server, { unreachable: false, acceptDelay: 0, closeDelay: 0 });
    await this.server.silence(undefined, false);
    await this.server.forgive();
    await this.pass(MINUTE);
    await this.#world.patience(this.#promised);
    if (this.server.sockets() > 0) this.wrong.push(`${this.server.sockets()} sockets a minute after the end`);
    if (this.#promised.size > 0) this.wrong.push(`${this.#promised.size} promises that were never kept`);
    for (const component of this.#components) component.unmount();
    if (!isDisposed) await this.#world.meanwhile(this.manager.dispose());
    page.show();
    page.goOnline();
  }

  /** Two sockets at once are wrong, but for one whose close the manager has given up. */
  #look() {
    const open = this.server.open();
    const late = open.filter(({ closeAskedAt }) => Date.now() - closeAskedAt >= CLOSE_TIMEOUT);
    if (open.length - late.length > 1) this.wrong.push(`${open.length} sockets at ${Date.now()}`);
    if (open.length > 1 && late.length > this.givenUp) this.wrong.push("a close was given up without a word");
  }

  #await(promise) {
    this.#promised.add(promise);
    promise.catch((error) => this.#hear(error)).finally(() => this.#promised.delete(promise));
  }

  #hear({ message }) {
    if (message.includes("client.disconnect()")) this.wrong.push(message);
  }
}

/** Runs one history; gives what was wrong with it, and how much there was to it. */
export async function runSchedule(world, seed) {
  const { server } = world;
  const before = server.opened();
  const schedule = new Schedule(world, seed);
  const unhandled = ({ reason }) => schedule.wrong.push(`unhandled: ${reason}`);
  const { error } = console;
  const { random: unseeded } = Math;
  Math.random = random(-seed);
  addEventListener("unhandledrejection", unhandled);
  console.error = (...words) => schedule.wrong.push(`console.error: ${words.join(" ")}`);
  try {
    await schedule.run();
  } finally {
    console.error = error;
    Math.random = unseeded;
    removeEventListener("unhandledrejection", unhandled);
  }
  const { wrong, users, givenUp } = schedule;
  return { wrong, users, givenUp, opened: server.opened() - before };
}
