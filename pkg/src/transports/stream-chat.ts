import { StreamkeeperError } from "../error.js";
import { attempt } from "./attempt.js";
import { TransportError } from "./error.js";
import { isOpen, roundTrip, shut } from "./socket.js";
import { connectError, isTokenCode } from "./stream-error.js";
import type { ChatOpening, ChatTransport } from "./types.js";

/** A `StreamChat` of GetStream's `stream-chat`, release 9. */
export interface StreamChatLike {
  userID?: string | undefined;
  connectUser(user: any, token: any): Promise<unknown>;
  disconnectUser(timeout?: number): Promise<unknown>;
}

/** What we need of the SDK besides, and what no app should have to know. */
interface Internals extends StreamChatLike {
  clientID?: string;
  options?: { enableWSFallback?: boolean };
  axiosInstance?: { interceptors: { response: { use(answered: null, failed: (error: unknown) => unknown): unknown } } };
  wsConnection?: { ws?: WebSocket; _setupConnectionPromise?: () => void } | null;
}

/**
 * GetStream's SDK as the transport of chat.
 *
 * `createClient` is called for every connection and gives a new client each time: `new StreamChat(key)`, never
 * `StreamChat.getInstance(key)`. The client keeps to one WebSocket: the SDK's own reconnecting, and its falling back to
 * long polling, are off.
 */
export function streamChat({ createClient }: { createClient: () => StreamChatLike }): ChatTransport {
  const connectionOf = (client: unknown) => connections.get(client as Internals);
  return {
    async open(opening) {
      opening.signal.throwIfAborted();
      const connection = new Connection(fresh(createClient), opening);
      return attempt(opening.signal, connection.open(), () => connection.close());
    },
    close: (client) => connectionOf(client)?.close(),
    probe: (client) => connectionOf(client)?.probe() ?? false,
    isOpen: (client) => connectionOf(client)?.isOpen() ?? false,
  };
}

/** Of all transports: a client that has been used once is no new one, whoever gives it. */
const connections = new WeakMap<Internals, Connection>();

function fresh(createClient: () => StreamChatLike): Internals {
  const invalid = (what: string, cause?: unknown) =>
    new StreamkeeperError("invalid_argument", `streamChat: createClient ${what}`, cause);
  let client: Internals;
  try {
    client = createClient();
  } catch (cause) {
    throw invalid("has thrown", cause);
  }
  if (typeof client?.connectUser !== "function") throw invalid("has to give a StreamChat");
  if (connections.has(client) || client.userID !== undefined) {
    throw invalid("has to give a new client each time: new StreamChat(…), not StreamChat.getInstance(…)");
  }
  return client;
}

/** One client with one socket, opened once and closed for good. */
class Connection {
  readonly #client: Internals;
  readonly #opening: ChatOpening;
  #stage: "connecting" | "open" | "over" = "connecting";
  #socket: WebSocket | undefined;
  #fail: (error: TransportError) => void = () => {};

  constructor(client: Internals, opening: ChatOpening) {
    this.#client = client;
    this.#opening = opening;
    connections.set(client, this);
  }

  open(): Promise<StreamChatLike> {
    const { user, token } = this.#opening;
    const client = this.#client;
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      if (client.options) client.options.enableWSFallback = false;
      this.#noticeExpiry();
      client.connectUser(user, token).then(
        () => {
          if (this.#stage === "connecting") this.#stage = "open";
          resolve(client);
        },
        (error: unknown) => reject(connectError(error, token, this.#socket !== undefined)),
      );
      this.#admitOneSocket();
    });
  }

  async close(): Promise<void> {
    this.#stage = "over";
    // The SDK now forgets its socket; one that is still connecting it would leave open.
    const sockets = new Set([this.#socket, this.#client.wsConnection?.ws]);
    // At once, because it may be the last thing that this page does; and whatever it throws, the sockets are shut.
    const disconnected = new Promise((resolve) => resolve(this.#client.disconnectUser()));
    await Promise.all([disconnected, ...[...sockets].map((socket) => socket && shut(socket))]);
  }

  async probe(): Promise<boolean> {
    const { userID, clientID } = this.#client;
    const socket = this.#socket;
    if (!socket || this.#stage !== "open" || userID !== this.#opening.user.id) return false;
    return roundTrip(socket, JSON.stringify([{ type: "health.check", client_id: clientID }]));
  }

  isOpen(): boolean {
    return [this.#socket, this.#client.wsConnection?.ws].some((socket) => socket !== undefined && isOpen(socket));
  }

  /**
   * The SDK makes sockets when it connects, after its own delays, when the browser is online again, and when the line has
   * been quiet; also after it was told to disconnect. It sets up a promise just before each: there, all but the first are
   * stopped.
   */
  #admitOneSocket(): void {
    const connection = this.#client.wsConnection;
    // There is none when connectUser did not take the user.
    if (!connection) return;
    const setUp = connection._setupConnectionPromise;
    if (!setUp) throw new StreamkeeperError("invalid_argument", "streamChat: createClient has to give a client of stream-chat 9");
    let admitted = false;
    connection._setupConnectionPromise = () => {
      if (admitted || this.#stage === "over") {
        this.#died("stream-chat has given its socket up");
        throw new Error("Streamkeeper opens a new client instead of another socket");
      }
      admitted = true;
      // The SDK makes the socket as soon as this function has returned.
      queueMicrotask(() => this.#watch(connection.ws));
      setUp();
    };
  }

  /** By ourselves, because the SDK says nothing of a socket that was closed in good order, and tells failures 15 s late. */
  #watch(socket: WebSocket | undefined): void {
    this.#socket = socket;
    socket?.addEventListener("message", () => {
      if (this.#stage !== "over") this.#opening.alive();
    });
    socket?.addEventListener("close", ({ code }) => this.#died(`the socket was closed with ${code}`));
  }

  /** A socket outlives its token; the calls beside it do not, and only a new connection brings a new token. */
  #noticeExpiry(): void {
    this.#client.axiosInstance?.interceptors.response.use(null, (error) => {
      const { response } = error as { response?: { data?: { code?: unknown } } };
      if (isTokenCode(response?.data?.code)) this.#died("token");
      return Promise.reject(error);
    });
  }

  #died(reason: string): void {
    if (this.#stage === "connecting") this.#fail(new TransportError("lost", reason));
    if (this.#stage !== "open") return;
    this.#stage = "over";
    this.#opening.lost(reason);
  }
}
