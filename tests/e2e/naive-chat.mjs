/** Chat as it was before seed 003's manager: what each of its authors' problems was made of. Runs inside of the page. */

/** Every component for itself: a client when it appears, and nothing when it goes. */
export class Components {
  #world;
  clients = [];

  constructor(world) {
    this.#world = world;
  }

  async visit(user) {
    const client = this.#world.client();
    this.clients.push(client);
    await client.connectUser({ id: user }, this.#world.server.token(user));
    return client;
  }

  leave() {}
  signOut() {}
}

/** One that ends its connection when the page says that it is going, by the one event that says so too seldom. */
export class BeforeUnload extends Components {
  constructor(world) {
    super(world);
    addEventListener("beforeunload", () => this.clients.forEach((client) => client.disconnectUser()), { once: true });
  }
}

/** Takes the SDK's word for it: there is a user, so there is a connection. */
export class ByUserId extends Components {
  isWell() {
    return Boolean(this.clients.at(-1).userID);
  }
}

/** One client for all, which is told to go and to come as the components do, and waits for neither. */
export class Impatient {
  #world;
  #client;

  constructor(world) {
    this.#world = world;
    this.#client = world.client();
  }

  visit(user) {
    return this.#client.connectUser({ id: user }, this.#world.server.token(user));
  }

  leave() {
    void this.#client.disconnectUser();
  }

  /** A component keeps what it once was given. */
  channel(user) {
    const channel = this.#client.channel("messaging", user);
    return { speak: () => channel.sendMessage({ text: "Hello" }) };
  }
}

/** The same app, with Streamkeeper. */
export class Managed {
  #world;
  #manager;

  constructor(world) {
    this.#world = world;
    this.#manager = world.manager();
  }

  visit(user) {
    return this.#manager.connectUser(user, () => this.#world.server.token(user));
  }

  leave() {}

  signOut() {
    return this.#manager.disconnectUser();
  }

  isWell() {
    return this.#manager.getSnapshot().chat.status === "connected";
  }

  /** A component lets go of its channel when it is told to, and takes it up again when there is a client. */
  channel(user) {
    let channel;
    const follow = () => (channel ??= this.#manager.chatClient()?.channel("messaging", user));
    this.#manager.subscribe(follow);
    this.#manager.on("disconnect", () => (channel = undefined));
    follow();
    return { speak: async () => channel?.sendMessage({ text: "Hello" }) };
  }
}
