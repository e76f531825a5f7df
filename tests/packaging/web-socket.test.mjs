/** The transport for plain WebSockets, against sockets that behave and misbehave. */
import assert from "node:assert/strict";
import { getEventListeners, once } from "node:events";
import { before, test } from "node:test";
import { WebSocket } from "ws";
import { webSocket } from "../../pkg/dist/transports/web-socket.js";
import { ANA, TOKEN, isError, openingOf } from "./opening.mjs";
import { SocketServer, manners } from "./socket-server.mjs";

// Node has one of its own only from release 22 on.
before(() => (globalThis.WebSocket = WebSocket));

const PING = JSON.stringify({ type: "ping" });
const HELLO = { hello: ({ token, user }) => JSON.stringify({ hello: user.id, token }) };

/** Answers pings, unless it is silent, and closes with `code` when it is greeted. */
const answering = (code) => (socket, server) =>
  socket.on("message", (data) => {
    if (code && JSON.parse(data).hello) socket.close(code);
    else if (String(data) === PING && !server.silent) server.say(socket, { type: "pong" });
  });

async function setUp(t, options = {}) {
  const server = await SocketServer.start(t);
  server.manner = answering();
  const transport = webSocket({ url: server.url.replace("http", "ws"), ...options });
  const open = (given) => {
    const { opening, said, abort } = openingOf(given);
    return { opened: transport.open(opening), signal: opening.signal, said, abort };
  };
  /** Connected, with both ends of the socket. */
  const connected = async () => {
    const admission = server.admission();
    const { opened, said, signal } = open();
    return { client: await opened, said, signal, socket: await admission };
  };
  return { server, transport, open, connected };
}

test("it opens with the WebSocket itself, tells of messages, and closes", async (t) => {
  const { server, transport, connected } = await setUp(t);
  const { client, said, signal, socket } = await connected();
  assert.ok(client instanceof WebSocket);
  assert.equal(transport.isOpen(client), true);
  assert.deepEqual(getEventListeners(signal, "abort"), []);
  assert.deepEqual(said, { alive: 0, lost: [] });
  server.say(socket, { type: "news" });
  await once(client, "message");
  assert.equal(said.alive, 1);

  const closed = once(socket, "close");
  await transport.close(client);
  const [code] = await closed;
  assert.equal(code, 1000);
  assert.equal(transport.isOpen(client), false);
  assert.deepEqual(said.lost, [], "a close is no loss");
  await transport.close(client);
});

test("the address is asked for each time, protocols are offered, and the token stays out of both", async (t) => {
  let asked = 0;
  const server = await SocketServer.start(t);
  const url = () => `${server.url.replace("http", "ws")}/room?${++asked}`;
  const transport = webSocket({ url, protocols: ["chat.1"], ...HELLO });
  for (let i = 0; i < 2; i++) {
    const client = await transport.open(openingOf().opening);
    assert.equal(client.protocol, "chat.1");
    await transport.close(client);
  }
  assert.deepEqual(server.knocks.map(({ pathname, search }) => pathname + search), ["/room?1", "/room?2"]);
});

test("hello comes first, with the token and the user; open is what has answered a ping", async (t) => {
  const { server, open } = await setUp(t, { ...HELLO, ping: PING });
  server.silent = true;
  const admission = server.admission();
  const { opened } = open();
  const socket = await admission;
  while (server.heard.length < 2) await once(socket, "message");
  assert.deepEqual(server.heard.map((text) => JSON.parse(text)), [{ hello: "ana", token: TOKEN }, { type: "ping" }]);
  const early = await Promise.race([opened, server.settled()]);
  assert.equal(early, undefined);
  server.say(socket, { type: "pong" });
  assert.ok(await opened);
});

for (const [closed, code] of [[4401, "token"], [4403, "refused"], [4400, "refused"], [4000, "lost"], [1011, "lost"]]) {
  test(`a server that closes with ${closed} when it is greeted means "${code}"`, async (t) => {
    const { server, open } = await setUp(t, { ...HELLO, ping: PING });
    server.manner = answering(closed);
    const { opened, said } = open();
    await assert.rejects(opened, isError(code, new RegExp(`closed with ${closed}`)));
    await server.empty();
    assert.deepEqual(said.lost, []);
  });

  test(`a server that closes with ${closed} later means "${code}", once`, async (t) => {
    const { server, transport, connected } = await setUp(t);
    const { client, said, socket } = await connected();
    socket.close(closed);
    await once(client, "close");
    assert.deepEqual(said.lost, [code === "lost" ? `the socket was closed with ${closed}` : code]);
    await transport.close(client);
    assert.equal(said.lost.length, 1);
    assert.equal(transport.isOpen(client), false);
    await server.empty();
  });
}

test("a server that lets nobody in is lost", async (t) => {
  const { server, open } = await setUp(t);
  server.hold().then(({ tcp }) => tcp.destroy());
  await assert.rejects(open().opened, isError("lost", /1006/));
});

test("a socket that drops is lost", async (t) => {
  const { server, connected } = await setUp(t);
  const { client, said } = await connected();
  server.drop();
  await once(client, "close");
  assert.deepEqual(said.lost, ["the socket was closed with 1006"]);
});

const STAGES = {
  "in the same tick": [{}, () => {}],
  "while it is connecting": [{}, (server) => server.hold()],
  "while the greeting is not answered": [
    { ping: PING },
    async (server) => {
      server.silent = true;
      await once(await server.admission(), "message");
    },
  ],
};

for (const [name, [options, reach]] of Object.entries(STAGES)) {
  test(`aborted ${name}: it rejects when nothing is left`, async (t) => {
    const { server, open } = await setUp(t, options);
    const reached = reach(server);
    const { opened, said, abort } = open();
    const stage = await reached;
    abort();
    await assert.rejects(opened, { name: "AbortError" });
    if (stage?.tcp && !stage.tcp.destroyed) await once(stage.tcp, "close");
    await server.settled();
    await server.empty();
    assert.deepEqual(said, { alive: 0, lost: [] });
  });
}

test("aborted before it began: not even an address is asked for", async () => {
  const transport = webSocket({ url: () => assert.fail("asked for an address") });
  await assert.rejects(transport.open(openingOf({ signal: AbortSignal.abort() }).opening), { name: "AbortError" });
});

test("a close settles when the server has answered it, and what comes until then is nobody's", async (t) => {
  const { server, transport, connected } = await setUp(t);
  const { client, said, socket } = await connected();
  socket.pause();
  const heard = once(client, "message");
  let settled = false;
  const closed = transport.close(client).then(() => (settled = true));
  server.say(socket, { type: "news" });
  await heard;
  await server.settled();
  assert.equal(settled, false);
  assert.equal(await transport.probe(client), false);
  assert.deepEqual(said, { alive: 0, lost: [] });
  socket.resume();
  await closed;
});

test("a probe is a ping and its answer, by what the app calls one", async (t) => {
  const isPong = (data) => JSON.parse(data).type === "pong";
  const { server, transport, connected } = await setUp(t, { ping: PING, isPong });
  const { client, said, socket } = await connected();
  assert.equal(await transport.probe(client), true);

  server.silent = true;
  let answer = null;
  const probe = transport.probe(client).then((answered) => (answer = answered));
  const listeners = client.listenerCount("message");
  const { alive } = said;
  server.say(socket, { type: "news" });
  await once(client, "message");
  assert.equal(answer, null);
  assert.equal(said.alive, alive + 1, "news are a sign of life as well");
  server.say(socket, { type: "pong" });
  assert.equal(await probe, true);
  assert.equal(client.listenerCount("message"), listeners - 1);
});

test("without isPong any message answers, and a probe ends with its socket", async (t) => {
  const { server, transport, connected } = await setUp(t, { ping: PING });
  const { client, socket } = await connected();
  server.silent = true;
  const probe = transport.probe(client);
  server.say(socket, { type: "news" });
  assert.equal(await probe, true);
  const last = transport.probe(client);
  socket.terminate();
  assert.equal(await last, false);
  assert.equal(await transport.probe(client), false);
});

test("without a ping a probe is whether the socket is open", async (t) => {
  const { server, transport, connected } = await setUp(t);
  const { client } = await connected();
  assert.equal(await transport.probe(client), true);
  assert.deepEqual(server.heard, []);
  await transport.close(client);
  assert.equal(await transport.probe(client), false);
});

const failing = () => {
  throw new Error("the app's own");
};

for (const [name, options] of Object.entries({ hello: { hello: failing }, isPong: { ping: PING, isPong: failing } })) {
  test(`an app's ${name} that throws fails the opening, and leaves no socket`, async (t) => {
    const { server, open } = await setUp(t, options);
    await assert.rejects(open().opened, /the app's own/);
    await server.settled();
    await server.empty();
    assert.equal(server.opened, 1);
  });
}

test("an address that no socket takes is named and not quoted", async () => {
  const transport = webSocket({ url: `ws://chat.test:port/?token=${TOKEN}` });
  await assert.rejects(transport.open(openingOf().opening), isError("invalid_argument", /url and protocols \(SyntaxError\)/));
});
