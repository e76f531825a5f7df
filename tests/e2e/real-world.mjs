/** As `chat-world.mjs`, with real sockets to the demo's stand-in for Stream and a real clock that does not take long. */

/** So much shorter are waits that are a person's; and so much longer those that are a network's. */
const HASTE = 500;
const SLOWNESS = 2;
const SECOND = 1_000;

export async function realWorld() {
  const { StreamChat } = await import("../vendor/stream-chat.mjs");
  return new RealWorld(StreamChat, await globalThis.initialised());
}

class RealWorld {
  #run = crypto.randomUUID().slice(0, 8);
  #people = 0;
  server = new RealStream();

  constructor(StreamChat, streamkeeper) {
    Object.assign(this, { StreamChat, streamkeeper });
  }

  somebody(name) {
    const user = `${name}-${++this.#people}-${this.#run}`;
    this.server.users.push(user);
    return user;
  }

  client() {
    return new this.StreamChat("demo-key", { baseURL: `${location.origin}/demo/stream-chat` });
  }

  manager(config) {
    const chat = this.streamkeeper.streamChat({ createClient: () => this.client() });
    const [health, reconnect] = [{ interval: 150, timeout: 500 }, { delay: 50, maxDelay: 200 }];
    return this.streamkeeper.ConnectionManager.shared({ chat, health, reconnect, ...config });
  }

  /** A person's time, as it is here. */
  scaled(milliseconds) {
    return milliseconds === null ? null : milliseconds < SECOND ? milliseconds * SLOWNESS : milliseconds / HASTE;
  }

  /** A minute is not over here when it has passed for the person. */
  patience(promises) {
    return Promise.allSettled(promises);
  }

  turn() {
    return new Promise((resolve) => setTimeout(resolve));
  }

  pass(milliseconds) {
    return new Promise((resolve) => setTimeout(resolve, this.scaled(milliseconds)));
  }

  meanwhile(promise) {
    return promise;
  }
}

/** What `FakeStream` can do, as far as the stand-in can. */
class RealStream {
  users = [];

  async token(user_id, seconds = 3_600) {
    return (await this.#post("token", { user_id, seconds: Math.max(1, seconds) })).token;
  }

  drop = () => this.#fault("drop");
  silence = (_, isSilent) => this.#fault(isSilent ? "silent" : "none");
  refuse = () => this.#fault("refuse", 1);
  expire = () => this.#fault("expire_tokens", 1);
  forgive = () => this.#fault("none");

  set closeDelay(milliseconds) {
    if (milliseconds > 10_000) void this.#fault("slow_close", 1);
  }

  // What the service counts is asked for by the test, when all is over.
  open = () => [];
  sockets = () => 0;
  opened = () => 0;

  #fault(fault, count) {
    return Promise.all(this.users.slice(-3).map((user_id) => this.#post("faults", { fault, user_id, count })));
  }

  async #post(path, body) {
    const response = await fetch(`/demo/chat/${path}`, { method: "POST", body: JSON.stringify(body) });
    return response.json();
  }
}
