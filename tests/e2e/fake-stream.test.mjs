/** The service inside of a page holds with the real SDK, here without a page: what other tests build on. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { FakeStream } from "./fake-stream.mjs";
import { vendorFile } from "./vendor.mjs";

const server = new FakeStream();
let StreamChat;
before(async () => {
  server.install();
  // As a page has it: the bundle is one for browsers.
  globalThis.self = globalThis;
  ({ StreamChat } = await import(await vendorFile("stream-chat")));
});

let number = 0;

/** A test with a user of its own and a clock that only `pass` moves. */
function clockTest(name, body) {
  test(name, async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1e12 });
    const user = `user-${++number}`;
    const clients = [];
    const make = () => {
      const client = new StreamChat("key", server.options());
      clients.push(client);
      return client;
    };
    const pass = async (milliseconds) => {
      for (let passed = 0; passed < milliseconds; passed += 5) {
        t.mock.timers.tick(5);
        // What a timer sets going may set another.
        await new Promise(setImmediate);
      }
    };
    /** What a promise comes to while time passes. */
    const meanwhile = async (promise) => {
      const outcome = Promise.allSettled([promise]);
      await pass(200);
      const [{ value, reason }] = await outcome;
      if (reason) throw reason;
      return value;
    };
    const connect = async (client = make(), token = server.token(user)) => {
      await meanwhile(client.connectUser({ id: user }, token));
      return client;
    };
    await body({ user, make, connect, pass, meanwhile });
    await meanwhile(Promise.all(clients.map((client) => client.disconnectUser())));
    server.silence(user, false);
    assert.equal(server.sockets(user), 0);
  });
}

clockTest("a client connects, is answered, and leaves; nothing happens before its time", async ({ user, make, meanwhile, pass }) => {
  const client = make();
  const connecting = client.connectUser({ id: user, name: "Somebody" }, server.token(user));
  await pass(server.latency - 5);
  assert.equal(server.sockets(user), 0);
  await meanwhile(connecting);
  assert.deepEqual([server.sockets(user), server.peak(user), server.opened(user)], [1, 1, 1]);
  assert.equal(client.user.name, "Somebody");
  const { lastEvent } = client.wsConnection;
  await pass(26_000);
  assert.ok(client.wsConnection.lastEvent > lastEvent, "the SDK's ping was answered");

  await meanwhile(client.disconnectUser());
  assert.deepEqual([server.sockets(user), server.peak(user), server.opened(user)], [0, 1, 1]);
});

clockTest("who watches a channel hears of messages, and finds them later", async ({ user, connect, meanwhile, pass }) => {
  const [one, other] = [await connect(), await connect()];
  const [ours, theirs] = [one, other].map((client) => client.channel("messaging", user));
  await meanwhile(Promise.all([ours.watch(), theirs.watch()]));
  const heard = [];
  theirs.on("message.new", ({ message }) => heard.push(message.text));
  await meanwhile(ours.sendMessage({ text: "Hello" }));
  assert.deepEqual(heard, ["Hello"]);
  await meanwhile(theirs.stopWatching());
  await meanwhile(ours.sendMessage({ text: "Anybody?" }));
  await pass(100);
  assert.deepEqual(heard, ["Hello"]);
  const [found] = await meanwhile(one.queryChannels({ cid: { $in: [ours.cid] } }));
  assert.deepEqual(found.state.messages.map(({ text }) => text), ["Hello", "Anybody?"]);
});

clockTest("two clients of one user are two sockets", async ({ user, connect }) => {
  await connect();
  await connect();
  assert.deepEqual([server.sockets(user), server.peak(user), server.opened(user)], [2, 2, 2]);
});

const codeOf = async (promise) => {
  const error = await promise.then(() => assert.fail("it was taken"), (error) => error);
  return error.code ?? JSON.parse(error.message).code;
};

clockTest("refusals, bad tokens and expired ones have Stream's codes", async ({ user, make, connect, meanwhile }) => {
  server.refuse(17);
  assert.equal(await codeOf(connect()), 17);
  const { connectUser } = make();
  const [head, , signature] = server.token(user).split(".");
  const foreign = [head, btoa(JSON.stringify({ user_id: user, number: 1e9 })).replaceAll("=", ""), signature].join(".");
  assert.equal(await codeOf(meanwhile(connectUser({ id: user }, server.token(user, -1)))), 40);
  const client = await connect(make(), foreign);
  server.expire(user);
  assert.equal(server.sockets(user), 1, "an open socket stays");
  await meanwhile(client.getAppSettings());
  const old = await connect().catch((error) => error);
  assert.ok(old.userID, "a new token is good");
  server.expire(user);
  assert.equal(await codeOf(meanwhile(old.getAppSettings())), 40);
});

clockTest("a silent socket stays open and says nothing", async ({ user, connect, pass }) => {
  const client = await connect();
  server.silence(user);
  const { lastEvent } = client.wsConnection;
  await pass(30_000);
  assert.equal(client.wsConnection.lastEvent, lastEvent);
  assert.equal(server.sockets(user), 1);
});

clockTest("a socket that is dropped is gone on both sides, and the bare SDK comes back", async ({ user, connect, pass }) => {
  const client = await connect();
  assert.equal(server.drop(user), 1);
  assert.equal(server.sockets(user), 0);
  await pass(10);
  assert.equal(client.wsConnection.ws.readyState, 3);
  await pass(10_000);
  assert.deepEqual([server.sockets(user), server.opened(user)], [1, 2]);
});

clockTest("the bare SDK that is closed in its back-off comes back, as it does outside", async ({ user, connect, meanwhile, pass }) => {
  const client = await connect();
  server.drop(user);
  await pass(10);
  await meanwhile(client.closeConnection());
  await pass(10_000);
  assert.equal(server.sockets(user), 1);
});

clockTest("a server that is away lets nobody in", async ({ user, make, pass }) => {
  server.unreachable = true;
  const failed = assert.rejects(make().connectUser({ id: user }, server.token(user)));
  await pass(40_000);
  server.unreachable = false;
  await failed;
  assert.equal(server.opened(user), 0);
});

clockTest("delays are the server's: of accepting, and of answering a close", async ({ user, make, meanwhile, pass }) => {
  Object.assign(server, { acceptDelay: 3_000, closeDelay: 500 });
  const client = make();
  const connecting = client.connectUser({ id: user }, server.token(user));
  await pass(3_000);
  assert.equal(server.sockets(user), 0);
  await meanwhile(connecting);
  assert.equal(server.sockets(user), 1);
  const closing = client.disconnectUser();
  await pass(400);
  assert.equal(server.sockets(user), 1);
  await pass(200);
  await closing;
  assert.equal(server.sockets(user), 0);
  Object.assign(server, { acceptDelay: 0, closeDelay: 0 });
});

test("other addresses get real sockets, and after uninstall() all do", () => {
  const Fake = globalThis.WebSocket;
  const asked = [];
  server.uninstall();
  const real = globalThis.WebSocket;
  globalThis.WebSocket = class {
    constructor(url) {
      asked.push(url);
    }
  };
  server.install();
  new globalThis.WebSocket("wss://example.org/");
  assert.deepEqual(asked, ["wss://example.org/"]);
  server.uninstall();
  globalThis.WebSocket = real;
  assert.notEqual(real, Fake);
});
