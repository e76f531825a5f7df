/**
 * A service at which sockets arrive, for the experiment of `tests/e2e/silent-sockets.mjs`. What it says is its protocol's;
 * like the stand-in for Stream it takes its time by the page's own timers.
 */
import { FakeSocket } from "../../tests/e2e/fake-stream.mjs";

/** For one way between page and server. */
const LATENCY = 5;

const later = (act, after = LATENCY) => setTimeout(act, after);

/** What a socket's address says of whose it is. Like an event's id, which the gateway's sockets have there anyway. */
export const idOf = (user) => `00000000-0000-4000-8000-${user.split("-")[1].padStart(12, "0")}`;
const whose = ({ url }) => /0{8}-0000-4000-8000-\d{12}/.exec(url)[0];

export class Service {
  #protocol;
  #sockets = new Set();
  #opened = new Map();
  #silent = new Set();

  /** `{ host, greet?(say), hear?(text, say), every?: { seconds, text } }` */
  constructor(protocol) {
    this.#protocol = protocol;
  }

  /** Puts itself in the place of `WebSocket`; other addresses still get the ones before. */
  install() {
    const server = this;
    const Before = globalThis.WebSocket;
    globalThis.WebSocket = class extends FakeSocket {
      constructor(url, protocols) {
        if (new URL(url).host !== server.#protocol.host) return new Before(url, protocols);
        super(server, url);
      }
    };
    return this;
  }

  // What the experiment asks.

  open(user) {
    return [...this.#sockets].filter((socket) => whose(socket) === idOf(user));
  }

  opened(user) {
    return this.#opened.get(idOf(user)) ?? 0;
  }

  silence(user, isSilent = true) {
    if (isSilent) this.#silent.add(idOf(user));
    else this.#silent.delete(idOf(user));
  }

  // What a socket does.

  knock(socket) {
    later(() => {
      if (socket.readyState !== FakeSocket.CONNECTING) return;
      this.#sockets.add(socket);
      const id = whose(socket);
      this.#opened.set(id, (this.#opened.get(id) ?? 0) + 1);
      later(() => socket.began());
      this.#protocol.greet?.((text) => this.#say(socket, text));
      if (this.#protocol.every) this.#repeat(socket, this.#protocol.every);
    });
  }

  hear(socket, text) {
    later(() => this.#protocol.hear?.(text, (answer) => this.#say(socket, answer)));
  }

  farewell(socket, code) {
    later(() => {
      this.#sockets.delete(socket);
      later(() => socket.ended(code));
    });
  }

  vanished(socket) {
    later(() => this.#sockets.delete(socket));
  }

  #repeat(socket, { seconds, text }) {
    later(() => {
      if (!this.#sockets.has(socket)) return;
      this.#say(socket, text);
      this.#repeat(socket, { seconds, text });
    }, seconds * 1_000);
  }

  #say(socket, text) {
    if (!this.#silent.has(whose(socket))) later(() => socket.heard(text));
  }
}
