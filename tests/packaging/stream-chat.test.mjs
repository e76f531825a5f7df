/** The transport for GetStream's own SDK, against sockets that behave and misbehave. */
import assert from "node:assert/strict";
import { getEventListeners, once } from "node:events";
import { test } from "node:test";
import { inspect } from "node:util";
import { StreamChat } from "stream-chat";
import { streamChat } from "../../pkg/dist/transports/stream-chat.js";
import { connectError } from "../../pkg/dist/transports/stream-error.js";
import { SocketServer, manners } from "./socket-server.mjs";

const base64 = (json) => Buffer.from(JSON.stringify(json)).toString("base64url");
/** Not signed: the server does not look. */
const tokenOf = (user_id) => `${base64({ alg: "HS256", typ: "JWT" })}.${base64({ user_id, secret: "hush" })}.c2lnbmF0dXJl`;
const TOKEN = tokenOf("ana");
const ANA = Object.freeze({ id: "ana", name: "Ana" });

/** One opening with what it is given and what it reports. */
function openingOf(options = {}) {
  const controller = new AbortController();
  const said = { alive: 0, lost: [] };
  const opening = {
    user: ANA,
    token: TOKEN,
    signal: controller.signal,
    alive: () => said.alive++,
    lost: (reason) => said.lost.push(reason),
    ...options,
  };
  return { opening, said, abort: () => controller.abort() };
}

/** A server, the transport, and the clients that it has made. */
async function setUp(t, { options, createClient } = {}) {
  // The SDK's: they pass when a test says so.
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
async function letPass(t, milliseconds) {
  for (let passed = 0; passed < milliseconds; passed += 250) {
    t.mock.timers.tick(250);
    await new Promise(setImmediate);
  }
}

/** Everything that can be seen of an error, its parts included, is free of the token. */
const isError = (code, message = /./) => (error) => {
  assert.ok(error instanceof Error);
  assert.equal(error.code, code, inspect(error));
  assert.match(error.message, message);
  for (const part of TOKEN.split(".")) assert.ok(!inspect(error, { depth: 9, showHidden: true }).includes(part), inspect(error));
  return true;
};

test("it opens with the client, for the user, and closes", async (t) => {
  const { server, transport, clients, connected } = await setUp(t);
  const { client, signal, said, socket } = await connected();
  assert.equal(client, clients[0]);
  assert.deepEqual(getEventListeners(signal, "abort"), []);
  assert.equal(client.userID, "ana");
  assert.deepEqual(JSON.parse(server.knocks[0].searchParams.get("json")).user_details, ANA);
  assert.equal(server.knocks[0].searchParams.get("authorization"), TOKEN);
  assert.equal(transport.isOpen(client), true);
  assert.equal(said.alive, 1);
  const heard = once(client.wsConnection.ws, "message");
  server.say(socket, { type: "message.new" });
  await heard;
  assert.equal(said.alive, 2);
  assert.equal(await transport.probe(client), true);
  assert.equal(said.alive, 3);

  const closed = once(socket, "close");
  await transport.close(client);
  const [code] = await closed;
  assert.equal(code, 1000);
  assert.equal(transport.isOpen(client), false);
  assert.equal(await transport.probe(client), false);
  assert.deepEqual(said.lost, [], "a close is no loss");
});

const ANSWERS = {
  token: [40, 41, 42].map((code) => ({ code, StatusCode: 401 })),
  refused: [
    { code: 2, StatusCode: 401 },
    { code: 4, StatusCode: 400 },
    { code: 5, StatusCode: 401 },
    { code: 17, StatusCode: 403 },
    { code: 43, StatusCode: 401 },
    { code: 99, StatusCode: 403 },
    { code: 17 },
  ],
  lost: [
    { code: -1, StatusCode: 500 },
    { code: 9, StatusCode: 429 },
    { code: 23, StatusCode: 408 },
    { code: 16, StatusCode: 503 },
  ],
};

for (const [code, errors] of Object.entries(ANSWERS)) {
  for (const error of errors) {
    test(`Stream's error ${JSON.stringify(error)} means "${code}"`, async (t) => {
      const { server, open } = await setUp(t);
      server.manner = manners.error({ ...error, message: `not with ${TOKEN} at wss://chat.test/connect?authorization=${TOKEN}` });
      const { opened, said } = open();
      await assert.rejects(opened, isError(code, new RegExp(`code ${error.code} .* not with … at …$`)));
      await server.empty();
      await server.settled();
      assert.equal(server.opened, 1);
      assert.deepEqual(said.lost, []);
    });
  }
}

test("what a socket is closed with is no error of the API, however the SDK wraps it", () => {
  const wrapped = (code) => new Error(JSON.stringify({ code, message: "WS connection reject with error" }));
  assert.equal(connectError(wrapped(1000), TOKEN, true).code, "lost");
  assert.equal(connectError(wrapped(""), TOKEN, true).code, "lost");
  assert.equal(connectError(new Error("disconnectUser() was called"), TOKEN, true).code, "lost");
});

const FAILURES = {
  "the server drops it before a word": (server) => (server.manner = manners.drop),
  "the server closes it in good order before a word": (server) => (server.manner = manners.close(1000)),
  "the server closes it with 1011": (server) => (server.manner = manners.close(1011)),
  "the server's door is shut": (server) => server.hold().then(({ tcp }) => tcp.destroy()),
};

for (const [name, arrange] of Object.entries(FAILURES)) {
  test(`${name}: lost at once, and nothing comes of it later`, async (t) => {
    const { server, open } = await setUp(t);
      arrange(server);
    // No time passes, so it is not the SDK's own 15 s that end this.
    await assert.rejects(open().opened, isError("lost", /the socket was closed with/));
    await letPass(t, 60_000);
    await server.settled();
    assert.equal(server.knocks.length, 1);
    assert.equal(server.sockets.size, 0);
  });
}

for (const [name, token] of Object.entries({ "another user's token": tokenOf("eve"), rubbish: `${TOKEN}x.y`, "broken JSON": "a.eyJzZWNyZXQ6.b", nothing: "" })) {
  test(`${name} is refused, and no socket is made`, async (t) => {
    const { server, open } = await setUp(t);
    await assert.rejects(open({ token }).opened, (error) => {
      assert.ok(!token || !error.message.includes(token.slice(0, 6)));
      return isError("refused", /malformed or another/)(error);
    });
    await server.settled();
    assert.deepEqual(server.knocks, []);
  });
}

test("an address that no socket takes is refused without being quoted", async (t) => {
  const { open } = await setUp(t, { options: { baseURL: "http://chat.test:port" } });
  await assert.rejects(open().opened, isError("refused", /baseURL/));
});

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

test("a probe waits for the server's word", async (t) => {
  const { server, transport, connected } = await setUp(t);
  const { client, socket } = await connected();
  server.silent = true;
  let answer = null;
  const probe = transport.probe(client).then((answered) => (answer = answered));
  await once(socket, "message");
  await server.settled();
  assert.equal(answer, null);
  const listeners = client.wsConnection.ws.listenerCount("message");
  assert.deepEqual(JSON.parse(server.heard[0]), [{ type: "health.check", client_id: client.clientID }]);
  server.say(socket, { type: "user.presence.changed", user: { id: "bob" } });
  assert.equal(await probe, true);
  assert.equal(client.wsConnection.ws.listenerCount("message"), listeners - 1);
});

test("a socket that is closing answers no probe", async (t) => {
  const { server, transport, connected } = await setUp(t);
  const { client, socket } = await connected();
  socket.pause();
  client.wsConnection.ws.close();
  assert.equal(await transport.probe(client), false);
  socket.resume();
  await server.empty();
});

test("a probe ends with its socket", async (t) => {
  const { server, transport, connected } = await setUp(t);
  const { client, socket } = await connected();
  server.silent = true;
  const probe = transport.probe(client);
  await once(socket, "message");
  socket.terminate();
  assert.equal(await probe, false);
});

test("a client of somebody else is not the connection that was opened", async (t) => {
  const { server, transport, connected } = await setUp(t);
  const { client } = await connected();
  client.userID = "eve";
  assert.equal(await transport.probe(client), false);
  assert.deepEqual(server.heard, [], "there was nothing to ask the server");
});

test("a token that a call finds expired is lost, once, and the call fails as ever", async (t) => {
  const { server, transport, connected } = await setUp(t);
  const { client, said, socket } = await connected();
  server.rest = [401, { code: 40, message: "JWTAuth error: token has expired", StatusCode: 401 }];
  const calls = await Promise.allSettled([client.getAppSettings(), client.queryUsers({})]);
  assert.deepEqual(calls.map(({ reason }) => reason?.code), [40, 40]);
  assert.deepEqual(said.lost, ["token"]);

  const { alive } = said;
  const heard = once(client.wsConnection.ws, "message");
  server.say(socket, { type: "health.check" });
  await heard;
  assert.equal(said.alive, alive, "what is lost is no longer alive");
  assert.equal(await transport.probe(client), false);
});

test("another failed call says nothing of the connection", async (t) => {
  const { server, connected } = await setUp(t);
  const { client, said } = await connected();
  server.rest = [403, { code: 17, message: "not allowed", StatusCode: 403 }];
  await assert.rejects(client.getAppSettings(), { code: 17 });
  assert.deepEqual(said.lost, []);
});

test("createClient that gives the same instance twice is named, and the first connection stands", async (t) => {
  let only;
  const { server, transport, connected, open } = await setUp(t, { createClient: (create) => (only ??= create()) });
  const { client, said } = await connected();
  await assert.rejects(open().opened, isError("invalid_argument", /createClient.*new client/));
  const other = streamChat({ createClient: () => only });
  await assert.rejects(other.open(openingOf().opening), isError("invalid_argument", /createClient/));
  assert.equal(await transport.probe(client), true);
  assert.deepEqual(said.lost, []);
  await transport.close(client);
  await assert.rejects(open().opened, isError("invalid_argument", /createClient/), "closed is not new");
  assert.equal(server.opened, 1);
});

const MADE = {
  "a client that the app has connected": () => Object.assign(new StreamChat("key", { browser: true }), { userID: "ana" }),
  nothing: () => null,
  "a promise": () => Promise.resolve(),
  "an error": () => {
    throw new Error("no key");
  },
};

for (const [name, createClient] of Object.entries(MADE)) {
  test(`createClient that gives ${name} is named`, async () => {
    await assert.rejects(streamChat({ createClient }).open(openingOf().opening), isError("invalid_argument", /createClient/));
  });
}

test("a client without the part that makes its sockets is no client that we know, and is closed", async () => {
  let disconnected = 0;
  const strange = { connectUser: async () => {}, disconnectUser: async () => void disconnected++, wsConnection: {} };
  const transport = streamChat({ createClient: () => strange });
  await assert.rejects(transport.open(openingOf().opening), isError("invalid_argument", /stream-chat 9/));
  assert.equal(disconnected, 1);
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

test("the SDK's long polling stays off", async (t) => {
  const { server, connected } = await setUp(t, { options: { enableWSFallback: true } });
  const { client } = await connected();
  assert.equal(client.options.enableWSFallback, false);
  assert.equal(server.opened, 1);
});
