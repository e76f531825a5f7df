/** GetStream's own SDK, on the transport, against a server of ours. */
import { StreamChat } from "stream-chat";
import { streamChat } from "../../pkg/dist/transports/stream-chat.js";
import { openingOf } from "./opening.mjs";
import { SocketServer } from "./socket-server.mjs";

/** A server, the transport, and the clients that it has made. Time stands still but for `letPass`. */
export async function setUp(t, { options, createClient } = {}) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const server = await SocketServer.start(t);
  const clients = [];
  const create = () => new StreamChat("key", { baseURL: server.url, browser: true, ...options });
  const transport = streamChat({
    createClient: () => {
      clients.push(createClient ? createClient(create) : create());
      return clients.at(-1);
    },
  });
  t.after(() => Promise.all(clients.map((client) => transport.close(client))));
  const open = (given) => {
    const { opening, said, abort } = openingOf(given);
    return { opened: transport.open(opening), signal: opening.signal, said, abort };
  };
  /** Connected, with both ends of the socket. */
  const connected = async () => {
    const admission = server.admission();
    const { opened, signal, said } = open();
    const client = await opened;
    return { client, signal, said, socket: await admission };
  };
  return { server, transport, clients, create, open, connected };
}

/** Lets so much time pass, and what comes of it. The promises between two timers need the loop to turn. */
export async function letPass(t, milliseconds) {
  for (let passed = 0; passed < milliseconds; passed += 250) {
    t.mock.timers.tick(250);
    await new Promise(setImmediate);
  }
}
