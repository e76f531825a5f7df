/** As much of a gateway as viewers need. */
import { WebSocket as NodeSocket } from "ws";
import { SocketServer } from "./socket-server.mjs";

export const EVENT = "5d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11";
export const OTHER = EVENT.replace("5d", "5e");

/** Lets in whoever says hello, and tells everybody how many they are. */
export const audience = (socket, server) =>
  socket.on("message", (data) => {
    const { type } = JSON.parse(data);
    if (type === "hello") {
      const viewers = server.sockets.size;
      server.say(socket, { type: "welcome", role: "viewer", viewers, expires_at: null });
      server.broadcast({ type: "viewers", count: viewers });
    }
    if (type === "auth") server.say(socket, { type: "authenticated", expires_at: null });
    if (type === "bye") socket.close(1000);
  });

/** Turns whoever says hello away, with this code. */
export const turnAway = (code) => (socket) => socket.on("message", () => socket.close(code));

/** As in a browser: an error that nobody listens to is no exception. Node has one of its own only from release 22 on. */
class BrowserSocket extends NodeSocket {
  constructor(...args) {
    super(...args);
    this.on("error", () => {});
  }
}

export async function eventGateway(t) {
  globalThis.WebSocket = BrowserSocket;
  const server = await SocketServer.start(t);
  server.manner = audience;
  return server;
}

/** What was said to it, without the tokens. */
export const types = (server) => server.heard.map((message) => JSON.parse(message).type);

/** Waits until the snapshot is so. */
export async function until(manager, isSo) {
  while (!isSo(manager.getSnapshot())) {
    await new Promise((resolve) => {
      const stop = manager.subscribe(() => (stop(), resolve()));
    });
  }
}
