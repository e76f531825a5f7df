import { StreamkeeperError } from "../error.js";
import { attempt } from "./attempt.js";
import { TransportError, type TransportErrorCode } from "./error.js";
import { isOpen, roundTrip, shut } from "./socket.js";
import type { ChatOpening, ChatTransport } from "./types.js";

/** What `webSocket` takes. */
export interface WebSocketOptions {
  /** Asked for each connection. Keep the token out of it: addresses end up in logs. Say it in `hello`. */
  url: string | (() => string);
  protocols?: string[];
  /** The first message of every connection, for example to say who it is. */
  hello?(connection: { token: string; user: { id: string } & object }): string;
  /**
   * Sent after `hello`, and whenever the connection is checked. With it the connection counts as open when the server has
   * answered; without it, when the socket is open.
   */
  ping?: string;
  /** Is this message the answer to `ping`? By default any message is. */
  isPong?(data: unknown): boolean;
}

/** What a server closes with to say what would help. */
const CLOSE_CODES: Record<number, TransportErrorCode> = { 4400: "refused", 4401: "token", 4403: "refused" };

/** A plain WebSocket as the transport of chat. The client is the `WebSocket` itself. */
export function webSocket({ url, protocols, hello, ping, isPong }: WebSocketOptions): ChatTransport {
  /** What closes after this is none of the manager's surprises. */
  const closing = new WeakSet<WebSocket>();
  const close = (socket: WebSocket) => {
    closing.add(socket);
    return shut(socket);
  };
  const answers = async (socket: WebSocket) =>
    ping === undefined ? socket.readyState === socket.OPEN : roundTrip(socket, ping, isPong);

  const greet = (socket: WebSocket, { token, user, alive, lost }: ChatOpening): Promise<WebSocket> =>
    new Promise((resolve, reject) => {
      let greeted = false;
      const begin = async () => {
        if (hello) socket.send(hello({ token, user }));
        greeted = await answers(socket);
        if (greeted) resolve(socket);
      };
      socket.addEventListener("open", () => void begin().catch(reject));
      socket.addEventListener("message", () => {
        if (!closing.has(socket)) alive();
      });
      socket.addEventListener("close", ({ code }) => {
        if (closing.has(socket)) return;
        const words = `the socket was closed with ${code}`;
        if (greeted) lost(CLOSE_CODES[code] ?? words);
        else reject(new TransportError(CLOSE_CODES[code] ?? "lost", words));
      });
      // A close follows. Without a listener it is an exception outside of browsers.
      socket.addEventListener("error", () => {});
    });

  return {
    async open(opening) {
      opening.signal.throwIfAborted();
      const socket = create(typeof url === "function" ? url() : url, protocols);
      return attempt(opening.signal, greet(socket, opening), () => close(socket));
    },
    close: (client) => close(client as WebSocket),
    probe: (client) => answers(client as WebSocket),
    isOpen: (client) => isOpen(client as WebSocket),
  };
}

function create(url: string, protocols: string[] | undefined): WebSocket {
  try {
    return new WebSocket(url, protocols);
  } catch (error) {
    // The browser's words quote the address.
    const name = error instanceof Error ? error.name : "an error";
    throw new StreamkeeperError("invalid_argument", `webSocket: no socket can be made with url and protocols (${name})`);
  }
}
