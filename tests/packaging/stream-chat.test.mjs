/** The transport for GetStream's own SDK: what it opens, what it says of that, and what it refuses. */
import assert from "node:assert/strict";
import { getEventListeners, once } from "node:events";
import { test } from "node:test";
import { StreamChat } from "stream-chat";
import { streamChat } from "../../pkg/dist/transports/stream-chat.js";
import { connectError } from "../../pkg/dist/transports/stream-error.js";
import { ANA, TOKEN, isError, openingOf, tokenOf } from "./opening.mjs";
import { manners } from "./socket-server.mjs";
import { letPass, setUp } from "./stream-clients.mjs";

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

test("not every code that the SDK wraps is one of the API", () => {
  const wrapped = (code) => new Error(JSON.stringify({ code, message: "WS connection reject with error" }));
  assert.equal(connectError(wrapped(1000), TOKEN, true).code, "lost");
  assert.equal(connectError(wrapped(""), TOKEN, true).code, "lost");
  assert.equal(connectError(new Error("disconnectUser() was called"), TOKEN, true).code, "lost");
  const noAddress = connectError(wrapped(12), TOKEN, false);
  assert.equal(noAddress.code, "refused", "as browsers number what they throw");
  assert.ok(!noAddress.message.includes("12"));
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

test("the SDK's long polling stays off", async (t) => {
  const { server, connected } = await setUp(t, { options: { enableWSFallback: true } });
  const { client } = await connected();
  assert.equal(client.options.enableWSFallback, false);
  assert.equal(server.opened, 1);
});
