/**
 * The services that the packages connect to, as far as a connection needs them: on loopback, at an address for each, and
 * what was opened is counted here, where it costs.
 */
import { WebSocketServer } from "ws";

/** As Centrifugo pings by default. */
const CENTRIFUGO_PING = 25;

const SERVICES = {
  /** Answers a ping. */
  plain: (socket) => socket.on("message", (text) => String(text) === "ping" && socket.send("pong")),

  /** GetStream's: says who is connected, and answers the client's health checks. */
  "stream-chat/connect": (socket, url) => {
    const { user_id } = JSON.parse(url.searchParams.get("json"));
    const check = { type: "health.check", cid: "*", connection_id: `of-${user_id}` };
    const say = (more) => socket.send(JSON.stringify({ ...check, created_at: new Date().toISOString(), ...more }));
    say({ me: { id: user_id, role: "user", devices: [], mutes: [], channel_mutes: [], total_unread_count: 0, unread_channels: 0 } });
    socket.on("message", () => say());
  },

  /** Centrifugo's JSON: pings by an empty object, which the client answers alike. */
  centrifuge: (socket) => {
    const pings = setInterval(() => socket.send("{}"), CENTRIFUGO_PING * 1_000);
    socket.on("close", () => clearInterval(pings));
    socket.on("message", (text) => {
      const { id, connect } = JSON.parse(text);
      if (connect) socket.send(JSON.stringify({ id, connect: { client: "client", version: "6.0.0", ping: CENTRIFUGO_PING, pong: true } }));
    });
  },

  /** Phoenix's channels, as Supabase's Realtime speaks them: everything is answered with ok. */
  "realtime/websocket": (socket) => {
    socket.on("message", (text) => {
      const [join, ref, topic, event] = JSON.parse(text);
      const response = event === "phx_join" ? { postgres_changes: [] } : {};
      socket.send(JSON.stringify([join, ref, topic, "phx_reply", { status: "ok", response }]));
    });
  },
};

/** Takes them up at an HTTP server, and `more`. `delay`: how long a socket waits to be accepted, in milliseconds. */
export function serveSockets(server, { delay = 0, more = {} } = {}) {
  const acceptor = new WebSocketServer({ noServer: true });
  const counts = new Map();
  const countOf = (name) => {
    if (!counts.has(name)) counts.set(name, { open: 0, opened: 0, peak: 0 });
    return counts.get(name);
  };
  server.on("upgrade", async (request, stream, head) => {
    const url = new URL(request.url, "http://127.0.0.1");
    const [, app, ...rest] = url.pathname.split("/");
    const serve = { ...SERVICES, ...more }[rest.join("/")];
    if (!serve) return stream.destroy();
    stream.on("error", () => {}); // who gives up before it is accepted
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
    if (stream.destroyed) return;
    acceptor.handleUpgrade(request, stream, head, (socket) => {
      const count = countOf(app);
      count.opened += 1;
      count.peak = Math.max(count.peak, ++count.open);
      socket.on("close", () => (count.open -= 1));
      serve(socket, url);
    });
  });
  return { countOf };
}

