/** The transport for GetStream's own SDK: whatever is aborted, closed or lost stays closed. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { streamChat } from "../../pkg/dist/transports/stream-chat.js";
import { TOKEN, isError, openingOf } from "./opening.mjs";
import { manners } from "./socket-server.mjs";
import { letPass, setUp } from "./stream-clients.mjs";

/** Each gives a promise for when the abort is to happen. */
const STAGES = {
  "in the same tick": () => {},
  "while the SDK awaits its token": () => Promise.resolve(),
  "while the socket is connecting": (server) => server.hold(),
  "when the server has let it in": (server) => ((server.manner = manners.mute), server.admission()),
  "when the first message is on its way": (server) => server.admission(),
};

for (const [name, reach] of Object.entries(STAGES)) {
  test(`aborted ${name}: it rejects when nothing is left, and nothing comes later`, async (t) => {
    const { server, transport, clients, open } = await setUp(t);
      const reached = reach(server);
    const { opened, said, abort } = open();
    const stage = await reached;
    const { alive } = said;
    abort();
    assert.equal(transport.isOpen(clients[0]), false, "closed within the call");
    await assert.rejects(opened, { name: "AbortError" });
    if (stage?.tcp && !stage.tcp.destroyed) await once(stage.tcp, "close");
    await server.empty();

    const { opened: before } = server;
    await letPass(t, 60_000);
    await server.settled();
    assert.equal(server.opened, before);
    assert.equal(server.sockets.size, 0);
    assert.deepEqual(said, { alive, lost: [] });
  });
}

test("aborted before it began: no client is made", async (t) => {
  const { clients, open } = await setUp(t);
  await assert.rejects(open({ signal: AbortSignal.abort() }).opened, { name: "AbortError" });
  assert.equal(clients.length, 0);
});

test("aborted while its client is made: it is closed", async (t) => {
  const controller = new AbortController();
  const createClient = (create) => (controller.abort(), create());
  const { server, open } = await setUp(t, { createClient });
  await assert.rejects(open({ signal: controller.signal }).opened, { name: "AbortError" });
  await server.settled();
  assert.deepEqual(server.knocks, []);
});

test("an abort is not told before the server has let go", async (t) => {
  const { server, clients, open } = await setUp(t);
  server.manner = manners.mute;
  const admission = server.admission();
  const { opened, abort } = open();
  const socket = await admission;
  await once(clients[0].wsConnection.ws, "open");
  socket.pause();
  abort();
  let settled = false;
  const rejected = assert.rejects(opened, { name: "AbortError" }).then(() => (settled = true));
  await letPass(t, 5_000);
  await server.settled();
  assert.equal(settled, false);
  socket.resume();
  await rejected;
});

test("an app that disconnects the client while it connects leaves no socket behind", async (t) => {
  const { server, clients, open } = await setUp(t);
  const knocked = server.hold();
  const { opened } = open();
  const { tcp } = await knocked;
  const closed = once(tcp, "close");
  await clients[0].disconnectUser();
  await assert.rejects(opened, isError("lost", /disconnectUser/));
  await closed;
});

test("mounted, unmounted and mounted again in one tick: never two sockets", async (t) => {
  const { server, open } = await setUp(t);
  const first = open();
  first.abort();
  await assert.rejects(first.opened, { name: "AbortError" });
  await open().opened;
  await server.settled();
  assert.equal(server.peak, 1);
  assert.equal(server.opened, 1);
});

for (const [name, manner] of Object.entries({ dropped: (server) => server.drop(), "closed in good order": (server) => server.close(1000) })) {
  test(`a socket that is ${name} is lost once, and the SDK does not bring it back`, async (t) => {
    const { server, transport, connected } = await setUp(t);
    const { client, said, socket } = await connected();
      const seen = once(client.wsConnection.ws, "close");
    manner(name === "dropped" ? server : socket);
    await seen;
    assert.equal(said.lost.length, 1);
    assert.match(said.lost[0], /the socket was closed with 1\d+/);
    await letPass(t, 60_000);
    await server.settled();
    assert.equal(server.opened, 1);
    assert.equal(transport.isOpen(client), false);
    await transport.close(client);
    assert.equal(said.lost.length, 1);
  });
}

test("the bare SDK comes back after a close in its back-off; the transport does not", async (t) => {
  const { server, transport, create, connected } = await setUp(t);
  const bare = create();
  t.after(() => bare.disconnectUser());
  await bare.connectUser({ id: "ana" }, TOKEN);
  const { client } = await connected();

  const dropped = [bare, client].map(({ wsConnection }) => once(wsConnection.ws, "close"));
  server.drop();
  await Promise.all(dropped);
  await Promise.all([bare.closeConnection(), transport.close(client)]);
  const back = server.admission();
  await letPass(t, 60_000);
  await back;
  await server.settled();
  assert.equal(server.opened, 3, "the bare one, and nobody else, has opened another");
  assert.equal(transport.isOpen(client), false);
});

/** What the SDK listens to in a browser. */
function browserWindow(t) {
  globalThis.window = new EventTarget();
  t.after(() => delete globalThis.window);
  return (name) => globalThis.window.dispatchEvent(new Event(name));
}

test("the SDK that wants another socket, because the browser is online again, is lost and gets none", async (t) => {
  const dispatch = browserWindow(t);
  const { server, connected } = await setUp(t);
  const { said } = await connected();
  dispatch("offline");
  dispatch("online");
  await letPass(t, 60_000);
  await server.empty();
  await server.settled();
  assert.equal(said.lost.length, 1);
  assert.equal(server.opened, 1);
});

test("closed while the SDK is about to replace an open socket: nothing comes back", async (t) => {
  const dispatch = browserWindow(t);
  const { server, transport, connected } = await setUp(t);
  const { client, said } = await connected();
  dispatch("offline");
  dispatch("online");
  const closed = transport.close(client);
  await letPass(t, 60_000);
  await closed;
  await server.settled();
  assert.equal(server.opened, 1);
  assert.equal(server.sockets.size, 0);
  assert.deepEqual(said.lost, []);
});

test("a close settles when the server has answered it, not when the SDK gives up waiting", async (t) => {
  const { server, transport, connected } = await setUp(t);
  const { client, socket } = await connected();
  socket.pause();
  let settled = false;
  const closed = transport.close(client).then(() => (settled = true));
  await letPass(t, 5_000);
  await server.settled();
  assert.equal(settled, false);
  socket.resume();
  await closed;
});

test("an SDK that throws when it is to disconnect loses its socket nevertheless", async (t) => {
  const { server, transport, connected } = await setUp(t);
  const { client } = await connected();
  const { disconnectUser } = client;
  client.disconnectUser = () => {
    throw new Error("the SDK's own");
  };
  await assert.rejects(transport.close(client), /the SDK's own/);
  await server.empty();
  assert.equal(transport.isOpen(client), false);
  Object.assign(client, { disconnectUser });
});

test("an app that disconnects the client by itself loses the connection", async (t) => {
  const { transport, connected } = await setUp(t);
  const { client } = await connected();
  await client.disconnectUser();
  assert.equal(await transport.probe(client), false);
  assert.equal(transport.isOpen(client), false);
});

test("an app that opens a closed client again is found out, and can be closed again", async (t) => {
  const { server, transport, connected } = await setUp(t);
  const { client } = await connected();
  await transport.close(client);
  const knocked = server.hold();
  const again = assert.rejects(client.connectUser({ id: "ana" }, TOKEN));
  const { tcp } = await knocked;
  assert.equal(transport.isOpen(client), true);
  const closed = once(tcp, "close");
  await transport.close(client);
  assert.equal(transport.isOpen(client), false);
  await Promise.all([again, closed]);
});

test("an SDK that takes longer over its token is stopped as well", async () => {
  const setUps = [];
  const slow = {
    connectUser: () => new Promise(() => {}),
    disconnectUser: async () => {},
    wsConnection: { _setupConnectionPromise: () => setUps.push("made a socket") },
  };
  const { opening, abort } = openingOf();
  const opened = streamChat({ createClient: () => slow }).open(opening);
  abort();
  await assert.rejects(opened, { name: "AbortError" });
  assert.throws(() => slow.wsConnection._setupConnectionPromise());
  assert.deepEqual(setUps, []);
});
