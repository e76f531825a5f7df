/** The transport for stream-chat under random histories, with the real SDK against the service inside of a page. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { FakeStream } from "./fake-stream.mjs";
import { random } from "./random.mjs";
import { vendorFile } from "./vendor.mjs";

/** The packed tarball, as `www/` has it installed. */
const TRANSPORT = new URL("../../www/node_modules/streamkeeper/dist/transports/stream-chat.js", import.meta.url);
const SCHEDULES = process.env.STREAMKEEPER_SOAK ? 20_000 : 200;
const STEPS = 30;

const server = new FakeStream();
let StreamChat;
let streamChat;
before(async () => {
  server.install();
  globalThis.self = globalThis;
  // What the SDK listens to for `online` and `offline`.
  globalThis.window = new EventTarget();
  ({ StreamChat } = await import(await vendorFile("stream-chat")));
  ({ streamChat } = await import(TRANSPORT));
});

/** One person who opens and closes, one connection after another, as the manager does. */
class Person {
  #transport = streamChat({ createClient: () => new StreamChat("key", server.options()) });
  #current = null;

  constructor(user) {
    this.user = user;
  }

  open() {
    if (this.#current) return;
    const aborting = new AbortController();
    const connection = { aborting, lost: 0, over: false };
    this.#current = connection;
    const opening = {
      user: { id: this.user },
      token: server.token(this.user),
      signal: aborting.signal,
      alive: () => assert.ok(!connection.over, "alive after its end"),
      lost: () => {
        assert.ok(connection.client && !connection.over, "lost before it was open, or after its end");
        assert.equal(++connection.lost, 1);
        this.close();
      },
    };
    this.#transport.open(opening).then(
      (client) => {
        connection.client = client;
        if (connection.over) this.#end(connection);
      },
      () => this.#ended(connection),
    );
  }

  /** Whatever there is: what is still opening is aborted. */
  close() {
    const connection = this.#current;
    if (!connection || connection.over) return;
    connection.over = true;
    if (connection.client) this.#end(connection);
    else connection.aborting.abort();
  }

  probe() {
    const { client } = this.#current ?? {};
    if (client) void this.#transport.probe(client);
  }

  /** Uses a channel, as an app would. What becomes of that is the app's. */
  chat() {
    const { client } = this.#current ?? {};
    if (!client?.userID) return;
    const channel = client.channel("messaging", this.user);
    channel.watch().then(() => channel.sendMessage({ text: "Hello" })).catch(() => {});
  }

  #end(connection) {
    void this.#transport.close(connection.client).then(() => this.#ended(connection));
  }

  #ended(connection) {
    if (connection.client) assert.equal(this.#transport.isOpen(connection.client), false);
    connection.over = true;
    if (this.#current === connection) this.#current = null;
  }

  get isIdle() {
    return this.#current === null;
  }
}

/** What may happen, and how often compared with the rest. */
const HAPPENINGS = [
  [6, ({ person }) => person.open()],
  [4, ({ person }) => person.close()],
  [1, ({ person }) => person.probe()],
  [1, ({ person }) => person.chat()],
  [2, ({ person }) => server.drop(person.user)],
  [1, ({ person, chance }) => server.silence(person.user, chance() < 0.5)],
  [1, ({ person }) => server.expire(person.user)],
  [1, ({ chance }) => server.refuse([40, 43, 17, 9, -1][Math.floor(chance() * 5)])],
  [1, ({ chance }) => (server.unreachable = chance() < 0.3)],
  [1, ({ chance }) => (server.acceptDelay = Math.floor(chance() * 3_000))],
  [1, ({ chance }) => (server.closeDelay = Math.floor(chance() * 3_000))],
  [2, ({ chance }) => window.dispatchEvent(new Event(chance() < 0.5 ? "offline" : "online"))],
];
const ALL = HAPPENINGS.flatMap(([weight, act]) => Array(weight).fill(act));

test(`${SCHEDULES} random histories: one socket at most, and none when all is over`, { timeout: 3_600_000 }, async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1e12 });
  const turn = () => new Promise(setImmediate);
  const pass = async (milliseconds, step) => {
    for (let passed = 0; passed < milliseconds; passed += step) {
      t.mock.timers.tick(step);
      await turn();
    }
  };
  let opened = 0;
  for (let seed = 1; seed <= SCHEDULES; seed++) {
    const chance = random(seed);
    const person = new Person(`user-${seed}`);
    for (let i = 0; i < STEPS; i++) {
      ALL[Math.floor(chance() * ALL.length)]({ person, chance });
      // In the same tick, within the SDK's promises, or after a while.
      const wait = chance();
      if (wait > 0.9) await pass(chance() * 40_000, 50);
      else if (wait > 0.3) await pass(chance() * 40, 5);
      else if (wait > 0.15) await turn();
    }
    person.close();
    Object.assign(server, { unreachable: false, acceptDelay: 0, closeDelay: 0 });
    server.silence(person.user, false);
    await pass(60_000, 100);
    assert.ok(server.peak(person.user) <= 1, `seed ${seed}: ${server.peak(person.user)} sockets at once`);
    assert.equal(server.sockets(person.user), 0, `seed ${seed}: left open`);
    assert.ok(person.isIdle, `seed ${seed}: an opening or a close has not settled`);
    opened += server.opened(person.user);
  }
  assert.ok(opened > SCHEDULES, "the histories were about something");
});
