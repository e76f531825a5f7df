/** The peer: a server on `ws` that keeps the same books as the gateway, without a database. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { createRequire } from "node:module";

const { WebSocketServer } = createRequire(new URL("../tests/e2e/package.json", import.meta.url))("ws");
const [secret] = process.argv.slice(2);

function verified(token) {
  const [head, claims, signature] = token.split(".");
  const expected = createHmac("sha256", secret).update(`${head}.${claims}`).digest();
  if (!timingSafeEqual(expected, Buffer.from(signature, "base64url"))) throw new Error("signature");
  return JSON.parse(Buffer.from(claims, "base64url"));
}

const events = new Map();
const server = new WebSocketServer({ port: 0, host: "127.0.0.1", maxPayload: 4096, perMessageDeflate: false });
server.on("connection", (socket, request) => {
  const id = request.url.split("/")[2];
  const slow = setTimeout(() => socket.close(4408), 5_000);
  let user;
  socket.misses = 0;
  socket.on("pong", () => (socket.misses = 0));
  socket.on("message", (data) => {
    const said = JSON.parse(data);
    socket.misses = 0;
    if (said.type === "bye") return socket.close(1000, "Goodbye");
    if (said.type !== "hello" || user !== undefined) return socket.close(4400);
    clearTimeout(slow);
    user = said.token ? verified(said.token).sub : null;
    const event = events.get(id) ?? { sockets: new Set(), users: new Map() };
    events.set(id, event);
    event.sockets.add(socket);
    if (user) event.users.set(user, (event.users.get(user) ?? 0) + 1);
    event.isNew = true;
    socket.send(JSON.stringify({ type: "welcome", role: "viewer", viewers: event.sockets.size, expires_at: null }));
  });
  socket.on("close", () => {
    clearTimeout(slow);
    const event = events.get(id);
    if (!event?.sockets.delete(socket)) return;
    const left = (event.users.get(user) ?? 1) - 1;
    if (user) left === 0 ? event.users.delete(user) : event.users.set(user, left);
    event.isNew = true;
    if (event.sockets.size === 0) events.delete(id);
  });
});
setInterval(() => {
  for (const event of events.values()) {
    if (!event.isNew) continue;
    event.isNew = false;
    const news = JSON.stringify({ type: "viewers", count: event.sockets.size });
    for (const socket of event.sockets) socket.send(news);
  }
}, 1_000);
setInterval(() => {
  for (const socket of server.clients) {
    if (socket.misses === 2) socket.terminate();
    else {
      socket.misses += 1;
      socket.ping();
    }
  }
}, 20_000);
server.on("listening", () => console.log(server.address().port));
process.on("SIGUSR2", () => global.gc());
