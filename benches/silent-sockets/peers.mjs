/** Who holds a socket, each by its documentation's example and its defaults, in front of the least server of its protocol. */
import { HOLDERS } from "../../tests/e2e/silent-sockets.mjs";
import { Service, idOf } from "./service.mjs";

const once = (begin) => new Promise(begin);

/** What is said is up to the app. */
const plain = { host: "plain.test", greet: (say) => say("welcome") };

/** Pings every 25 s, and asks for an answer: the defaults of the server of that name. */
const centrifugo = {
  host: "centrifugo.test",
  every: { seconds: 25, text: "{}" },
  hear(text, say) {
    for (const { id, connect } of text.split("\n").map((line) => JSON.parse(line))) {
      if (connect) say(JSON.stringify({ id, connect: { client: "one", version: "6.0.0", ping: 25, pong: true } }));
    }
  },
};

/** Answers joins and heartbeats alike. */
const realtime = {
  host: "realtime.test",
  hear(text, say) {
    const [join, ref, topic] = JSON.parse(text);
    say(JSON.stringify([join, ref, topic, "phx_reply", { status: "ok", response: {} }]));
  },
};

/** As `gateway/src/events/protocol.rs` has it. */
const gateway = {
  host: "gateway.test",
  hear(text, say) {
    const { type } = JSON.parse(text);
    if (type === "hello") say(JSON.stringify({ type: "welcome", role: "viewer", viewers: 1, expires_at: null }));
    if (type === "ping") say('{"type":"pong"}');
  },
};

/**
 * `load`, which is called when the simulated world is there, gives a holder as those of `HOLDERS`. Those with a `name` are
 * other people's, those with a `what` are ours.
 */
export const PEERS = [
  { name: "stream-chat", load: async () => HOLDERS.bare },
  {
    name: "partysocket",
    service: new Service(plain),
    async load() {
      const { WebSocket } = await import("partysocket");
      return () => {
        let socket;
        return {
          connect: (user) => once((done) => ((socket = new WebSocket(`ws://plain.test/${idOf(user)}`)).onmessage = done)),
          close: async () => socket.close(),
        };
      };
    },
  },
  {
    name: "centrifuge",
    service: new Service(centrifugo),
    async load() {
      const { Centrifuge } = await import("centrifuge");
      return () => {
        let client;
        return {
          connect: (user) => once((done) => (client = new Centrifuge(`ws://centrifugo.test/${idOf(user)}`)).on("connected", done).connect()),
          close: async () => client.disconnect(),
        };
      };
    },
  },
  {
    name: "@supabase/realtime-js",
    service: new Service(realtime),
    async load() {
      const { RealtimeClient } = await import("@supabase/realtime-js");
      return () => {
        let client;
        return {
          connect(user) {
            client = new RealtimeClient("ws://realtime.test/realtime/v1", { params: { apikey: idOf(user) } });
            return once((done) => client.channel("room").subscribe((status) => status === "SUBSCRIBED" && done()));
          },
          close: () => client.disconnect(),
        };
      };
    },
  },
  { what: "chat by stream-chat", load: async () => HOLDERS.managed },
  {
    what: "a viewer's socket",
    service: new Service(gateway),
    load: async () => (world) => {
      const backend = { url: "http://gateway.test", accessToken: () => null };
      const manager = world.streamkeeper.ConnectionManager.shared({ backend, logger: {} });
      return {
        connect: (user) => once((done) => (manager.on("viewers", done), manager.watchEvent(idOf(user)))),
        close: () => manager.dispose(),
      };
    },
  },
];
