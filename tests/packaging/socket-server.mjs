/** A server of WebSockets on loopback: as much of Stream as a connection needs, or of any other. */
import { once } from "node:events";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

/** How a socket may be treated that has been let in. */
export const manners = {
  /** As Stream does: the first message says that it is open, and what is sent is answered. */
  welcome: (socket, server) => {
    server.say(socket, { type: "health.check", connection_id: `c${server.opened}`, cid: "*" });
    socket.on("message", () => {
      if (!server.silent) server.say(socket, { type: "health.check" });
    });
  },
  mute: () => {},
  drop: (socket) => socket.terminate(),
  close: (code) => (socket) => socket.close(code),
  /** An error of the API, as Stream says it over the socket. */
  error: (error) => (socket, server) => {
    server.say(socket, { error: { duration: "0.00ms", ...error } });
    socket.close(4000);
  },
};

export class SocketServer {
  /** What is open now, was open at once, and was opened in all, as the server sees it. */
  sockets = new Set();
  peak = 0;
  opened = 0;
  /** Who asked to be let in, by the address. */
  knocks = [];
  /** What was sent to us. */
  heard = [];
  manner = manners.welcome;
  /** Pings are not answered. */
  silent = false;
  /** What calls beside the sockets are answered: status and JSON. */
  rest = [200, {}];
  #http = createServer((_, response) => {
    const [status, json] = this.rest;
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
  });
  #upgrade = new WebSocketServer({ noServer: true });
  #hold = null;

  static async start(t) {
    const server = new SocketServer();
    server.#http.on("upgrade", (...knock) => server.#knock(...knock)).listen(0, "127.0.0.1");
    await once(server.#http, "listening");
    t.after(() => {
      server.#http.close();
      server.#http.closeAllConnections();
      for (const socket of server.sockets) socket.terminate();
    });
    return server;
  }

  get url() {
    return `http://127.0.0.1:${this.#http.address().port}`;
  }

  #knock(request, tcp, head) {
    this.knocks.push(new URL(request.url, this.url));
    const admit = () => this.#upgrade.handleUpgrade(request, tcp, head, (socket) => this.#admitted(socket));
    if (!this.#hold) return admit();
    // Read on, or it never says that the other side has left.
    tcp.on("end", () => tcp.destroy()).on("error", () => {}).resume();
    this.#hold({ tcp, admit });
  }

  #admitted(socket) {
    this.sockets.add(socket);
    this.opened += 1;
    this.peak = Math.max(this.peak, this.sockets.size);
    socket.on("close", () => this.sockets.delete(socket));
    socket.on("message", (data) => this.heard.push(String(data)));
    this.#upgrade.emit("admitted", socket);
    this.manner(socket, this);
  }

  /** Keeps whoever knocks at the door. Resolves with the first of them: its TCP socket, and how to let it in. */
  hold() {
    return new Promise((resolve) => (this.#hold = resolve));
  }

  /** Resolves with the next socket that is let in. */
  async admission() {
    const [socket] = await once(this.#upgrade, "admitted");
    return socket;
  }

  say(socket, message) {
    socket.send(JSON.stringify(message));
  }

  broadcast(message) {
    for (const socket of this.sockets) this.say(socket, message);
  }

  drop() {
    for (const socket of this.sockets) socket.terminate();
  }

  async empty() {
    await Promise.all([...this.sockets].map((socket) => once(socket, "close")));
  }

  /** Resolves when whatever had set out for this server before has knocked: the loopback keeps them in order. */
  async settled() {
    for (let i = 0; i < 3; i++) await fetch(this.url, { headers: { connection: "close" } });
  }
}
