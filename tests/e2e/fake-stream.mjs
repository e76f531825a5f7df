/**
 * Stream's service inside of a page: its sockets and as much of its calls as the SDK needs, in memory. A test double.
 *
 * Everything takes its time by the page's own `setTimeout`, looked up when it is needed, so that whoever fakes that rules
 * this too. What is counted is what the server would count: a socket from the moment it is accepted until the server has
 * learnt of its end.
 *
 * Install it before the SDK's module is loaded, because that takes `WebSocket` once and for all.
 */
export class FakeStream {
  /** For one way between page and server. */
  latency = 5;
  /** How long the server takes to accept a socket, and to answer a close. */
  acceptDelay = 0;
  closeDelay = 0;
  /** New sockets and calls fail, as when the network is away; sockets that are open stay. */
  unreachable = false;

  #origin = "https://stream.test";
  #sockets = new Set();
  #counts = new Map();
  #connections = 0;
  #refusals = [];
  #silent = new Set();
  #channels = new Map();
  /** Tokens with a lower number are no longer taken, by user. */
  #notBefore = new Map();
  #tokens = 0;
  #messages = 0;

  /** Puts itself in the place of `WebSocket`; other addresses still get real ones. */
  install() {
    const server = this;
    const Real = globalThis.WebSocket;
    const address = this.#origin.replace("http", "ws");
    globalThis.WebSocket = class extends FakeSocket {
      constructor(url, protocols) {
        if (!String(url).startsWith(address)) return new Real(url, protocols);
        super(server, url);
      }
    };
    this.uninstall = () => (globalThis.WebSocket = Real);
    return this;
  }

  /** For `new StreamChat("key", fake.options())`: calls come here too. */
  options() {
    return { baseURL: this.#origin, adapter: (config) => this.#call(config), browser: true };
  }

  /** A token of this user, good for so many seconds of the page's clock. */
  token(user_id, seconds = 3_600) {
    const part = (json) => btoa(JSON.stringify(json)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    const exp = Math.floor(Date.now() / 1_000) + seconds;
    return [part({ alg: "HS256", typ: "JWT" }), part({ user_id, exp, number: ++this.#tokens }), "c2lnbmVk"].join(".");
  }

  // What there is to count, of one user or of all.

  /** Open now. */
  sockets(user = EVERYBODY) {
    return this.#countsOf(user).open;
  }

  /** The page's ends of those that are open now. */
  open(user = EVERYBODY) {
    return [...this.#sockets].filter((socket) => user === EVERYBODY || socket.user === user);
  }

  /** The most that were open at once. */
  peak(user = EVERYBODY) {
    return this.#countsOf(user).peak;
  }

  /** Opened in all. */
  opened(user = EVERYBODY) {
    return this.#countsOf(user).opened;
  }

  users() {
    return [...this.#counts.keys()].filter((user) => user !== EVERYBODY);
  }

  // What can go wrong, for one user or for all.

  /** The next sockets are told this error and closed: 17 is not allowed, 43 a bad signature, 40 an expired token. */
  refuse(code, count = 1, StatusCode = code === 17 ? 403 : 401) {
    for (let i = 0; i < count; i++) this.#refusals.push({ code, StatusCode, message: "refused, as the test has asked" });
  }

  /** Takes the next refusals back. */
  forgive() {
    this.#refusals.length = 0;
  }

  /** Every token that there is has expired; sockets that are open stay. */
  expire(user = EVERYBODY) {
    this.#notBefore.set(user, this.#tokens + 1);
  }

  /** Sockets stay open and new ones open, but nothing is said on them, until it is over. Closes are answered. */
  silence(user = EVERYBODY, isSilent = true) {
    if (isSilent) this.#silent.add(user);
    else this.#silent.delete(user);
  }

  /** Tears sockets down; gives how many. */
  drop(user = EVERYBODY) {
    const dropped = this.open(user);
    for (const socket of dropped) {
      this.#release(socket);
      after(this.latency, () => socket.ended(1006));
    }
    return dropped.length;
  }

  // The sockets' side.

  /** A socket has set out. */
  knock(socket) {
    after(this.latency + this.acceptDelay, () => {
      if (socket.readyState !== FakeSocket.CONNECTING) return;
      if (this.unreachable) return socket.ended(1006);
      this.#accept(socket);
    });
  }

  #accept(socket) {
    const query = new URL(socket.url).searchParams;
    const { user_id, user_details } = JSON.parse(query.get("json"));
    socket.user = user_id;
    socket.connectionId = `connection-${++this.#connections}`;
    this.#sockets.add(socket);
    this.#count(user_id, +1);
    after(this.latency, () => socket.began());

    const error = this.#refusals.shift() ?? this.#refusalOf(query.get("authorization"), user_id);
    if (!error) return this.#say(socket, { type: "health.check", cid: "*", connection_id: socket.connectionId, me: meOf(user_details) });
    this.#say(socket, { error: { ...error, duration: "0.00ms" } });
    this.#release(socket);
    after(this.latency, () => socket.ended(4000));
  }

  /** The page says that it closes the socket, and hears when that was answered. */
  farewell(socket, code) {
    after(this.latency + this.closeDelay, () => {
      this.#release(socket);
      after(this.latency, () => socket.ended(code));
    });
  }

  /** The page's end is gone before the socket had opened there. */
  vanished(socket) {
    after(this.latency, () => this.#release(socket));
  }

  hear(socket, text) {
    after(this.latency, () => {
      const [message] = JSON.parse(text);
      if (message?.type === "health.check") this.#say(socket, { type: "health.check", cid: "*", connection_id: socket.connectionId });
    });
  }

  #say(socket, message) {
    if (this.#silent.has(EVERYBODY) || this.#silent.has(socket.user)) return;
    after(this.latency, () => socket.heard(JSON.stringify({ created_at: new Date().toISOString(), ...message })));
  }

  #release(socket) {
    if (this.#sockets.delete(socket)) this.#count(socket.user, -1);
  }

  #count(user, change) {
    for (const who of [user, EVERYBODY]) {
      const counts = this.#countsOf(who);
      counts.open += change;
      if (change > 0) counts.opened += 1;
      counts.peak = Math.max(counts.peak, counts.open);
      this.#counts.set(who, counts);
    }
  }

  #countsOf(user) {
    return this.#counts.get(user) ?? { open: 0, peak: 0, opened: 0 };
  }

  #refusalOf(token, user) {
    const claims = claimsOf(token);
    if (claims?.user_id !== user) return { code: 43, StatusCode: 401, message: "Token signature is invalid" };
    const notBefore = Math.max(this.#notBefore.get(user) ?? 0, this.#notBefore.get(EVERYBODY) ?? 0);
    const hasExpired = claims.exp * 1_000 <= Date.now() || claims.number < notBefore;
    return hasExpired ? { code: 40, StatusCode: 401, message: "JWTAuth error: token has expired" } : null;
  }

  // The calls' side: an adapter of axios.

  async #call(config) {
    await new Promise((resolve) => after(2 * this.latency, resolve));
    const { user_id, connection_id } = config.params;
    const error = this.#refusalOf(config.headers.Authorization, user_id);
    const [status, data] = this.unreachable
      ? [0]
      : error
        ? [error.StatusCode, error]
        : this.#answer(config.method, new URL(config.url).pathname, JSON.parse(config.data ?? "{}"), { user_id, connection_id });
    const response = { status, data, headers: {}, config, request: {} };
    if (status === 200) return response;
    const words = status ? `Request failed with status code ${status}` : "Network Error";
    throw Object.assign(new Error(words), { isAxiosError: true, config, response: status ? response : undefined });
  }

  #answer(method, path, body, { user_id, connection_id }) {
    const [, kind, type, id, what] = path.split("/").map(decodeURIComponent);
    if (kind !== "channels" || method !== "post") return [200, {}];
    if (!id) {
      const cids = body.filter_conditions?.cid?.$in ?? [...this.#channels.keys()];
      return [200, { channels: cids.filter((cid) => this.#channels.has(cid)).map((cid) => this.#stateOf(cid)) }];
    }
    const cid = `${type}:${id}`;
    const channel = this.#channels.get(cid) ?? { type, id, messages: [], watchers: new Set() };
    this.#channels.set(cid, channel);
    if (what === "query") {
      if (body.watch) channel.watchers.add(connection_id);
      return [200, this.#stateOf(cid)];
    }
    if (what === "stop-watching") channel.watchers.delete(connection_id);
    if (what !== "message") return [200, {}];

    const now = new Date().toISOString();
    const message = { id: `m${++this.#messages}`, type: "regular", ...body.message, cid, user: { id: user_id }, created_at: now, updated_at: now };
    channel.messages.push(message);
    for (const socket of this.#sockets) {
      if (channel.watchers.has(socket.connectionId)) this.#say(socket, { type: "message.new", cid, message, user: message.user });
    }
    return [200, { message }];
  }

  #stateOf(cid) {
    const { type, id, messages } = this.#channels.get(cid);
    const channel = { cid, type, id, config: {}, own_capabilities: [], created_at: EPOCH, updated_at: EPOCH };
    return { channel, messages, members: [], read: [], watchers: [], pinned_messages: [], watcher_count: 0 };
  }
}

/** As no user can be called. */
const EVERYBODY = Symbol("everybody");
const EPOCH = new Date(0).toISOString();

function after(milliseconds, act) {
  setTimeout(act, milliseconds);
}

function claimsOf(token) {
  try {
    return JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return null;
  }
}

function meOf(details) {
  return { role: "user", devices: [], mutes: [], channel_mutes: [], total_unread_count: 0, unread_channels: 0, ...details };
}

/** The page's end of a socket. */
export class FakeSocket extends EventTarget {
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSING = 2;
  static CLOSED = 3;
  CONNECTING = 0;
  OPEN = 1;
  CLOSING = 2;
  CLOSED = 3;

  readyState = FakeSocket.CONNECTING;
  bufferedAmount = 0;
  binaryType = "blob";
  extensions = "";
  protocol = "";
  /** When the page asked for its end; no such time: it has not. */
  closeAskedAt = NaN;
  onopen = null;
  onmessage = null;
  onerror = null;
  onclose = null;
  #server;

  constructor(server, url) {
    super();
    this.#server = server;
    this.url = String(url);
    server.knock(this);
  }

  send(text) {
    if (this.readyState === FakeSocket.CONNECTING) throw new DOMException("Still in CONNECTING state.", "InvalidStateError");
    if (this.readyState === FakeSocket.OPEN) this.#server.hear(this, text);
  }

  close(code = 1005) {
    if (code !== 1005 && code !== 1000 && !(code >= 3000 && code <= 4999)) throw new DOMException("no such code", "InvalidAccessError");
    if (this.readyState >= FakeSocket.CLOSING) return;
    const hasOpened = this.readyState === FakeSocket.OPEN;
    this.closeAskedAt = Date.now();
    this.readyState = FakeSocket.CLOSING;
    if (hasOpened) return this.#server.farewell(this, code);
    this.#server.vanished(this);
    after(0, () => this.ended(1006));
  }

  // What the server does.

  began() {
    if (this.readyState !== FakeSocket.CONNECTING) return;
    this.readyState = FakeSocket.OPEN;
    this.#tell("open");
  }

  heard(data) {
    if (this.readyState === FakeSocket.OPEN || this.readyState === FakeSocket.CLOSING) this.#tell("message", { data });
  }

  ended(code) {
    if (this.readyState === FakeSocket.CLOSED) return;
    const failed = this.readyState === FakeSocket.CONNECTING || code === 1006;
    this.readyState = FakeSocket.CLOSED;
    if (failed) this.#tell("error");
    this.#tell("close", { code, reason: "", wasClean: !failed });
  }

  #tell(type, properties) {
    const event = Object.assign(new Event(type), properties);
    this[`on${type}`]?.(event);
    this.dispatchEvent(event);
  }
}
