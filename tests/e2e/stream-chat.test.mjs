/** The stand-in for Stream's service holds with the real SDK: what other tests build on. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import { countsOf, fault, newClient, next, reset, state, tokenOf, untilCounts } from "./stream-service.mjs";

/** Longer than the SDK waits for a connection. */
const PATIENCE = 30_000;

/** A test with users of its own, whose clients are gone after it. */
function chatTest(name, body) {
  test(name, { timeout: PATIENCE }, async () => {
    const suffix = randomUUID().slice(0, 8);
    const clients = [];
    const user = (name) => `${name}-${suffix}`;
    const make = () => {
      const client = newClient();
      clients.push(client);
      return client;
    };
    const connected = async (name) => {
      const client = make();
      await client.connectUser({ id: user(name), name }, await tokenOf(user(name)));
      return client;
    };
    try {
      await body({ user, make, connected });
    } finally {
      await Promise.all(clients.map((client) => client.disconnectUser()));
    }
  });
}

/** A test with Alice and Bob in one channel, which both watch. */
function channelTest(name, body) {
  chatTest(name, async (given) => {
    const [alice, bob] = await Promise.all([given.connected("alice"), given.connected("bob")]);
    const id = randomUUID();
    const open = (client) => client.channel("messaging", id, { members: [alice.userID, bob.userID], name: "A talk" });
    const [ours, theirs] = [open(alice), open(bob)];
    await ours.watch();
    const joined = next(ours, "user.watching.start");
    await theirs.watch();
    await joined;
    await body({ ...given, alice, bob, ours, theirs });
  });
}

const texts = (channel) => channel.state.messages.map(({ text }) => text);

/** Waits until the service has taken everything that this client has sent, and this client what it said before that. */
async function roundTrip({ wsConnection: { ws } }) {
  if (ws.readyState !== ws.OPEN) await once(ws, "open");
  ws.ping();
  await once(ws, "pong");
}

/** What the SDK packs into the message of its error. */
async function refusalOf(connecting) {
  const error = await connecting.then(() => assert.fail("it connected"), (error) => error);
  const { code, StatusCode, isWSFailure } = JSON.parse(error.message);
  return { code, StatusCode, isWSFailure };
}

chatTest("a client connects as its user, and is counted out before it knows", async ({ user, connected }) => {
  for (let round = 1; round <= 5; round += 1) {
    const client = await connected("alice");
    assert.equal(client.user.name, "alice");
    const { sockets } = await state();
    const open = sockets.filter(({ user_id }) => user_id === user("alice"));
    assert.deepEqual(open.map(({ connection_id }) => connection_id), [client._getConnectionID()]);
    await client.disconnectUser();
    assert.deepEqual(await countsOf(user("alice")), { open: 0, opened: round, closed: round, peak: 1 });
  }
});

chatTest("two sockets of one user are seen as two", async ({ user, connected }) => {
  const clients = [await connected("alice"), await connected("alice")];
  assert.deepEqual(await countsOf(user("alice")), { open: 2, opened: 2, closed: 0, peak: 2 });
  await clients[0].disconnectUser();
  await reset(user("alice"));
  assert.deepEqual(await countsOf(user("alice")), { open: 1, opened: 1, closed: 0, peak: 1 });
});

channelTest("two users exchange messages, and both see each once", async ({ user, ours, theirs }) => {
  const heard = Promise.all([next(ours, "message.new"), next(theirs, "message.new")]);
  const { message } = await ours.sendMessage({ text: "Hello" });
  for (const event of await heard) assert.equal(event.message.id, message.id);
  assert.deepEqual(theirs.state.messages.map(({ text, user }) => [text, user.id]), [["Hello", user("alice")]]);
  assert.deepEqual(texts(ours), ["Hello"]);

  const answered = next(ours, "message.new");
  await theirs.sendMessage({ text: "Hi" });
  await answered;
  assert.deepEqual(texts(ours), ["Hello", "Hi"]);
});

channelTest("what is unread is counted until it is read, and others hear of that", async ({ user, ours, theirs }) => {
  const heard = next(theirs, "message.new");
  await ours.sendMessage({ text: "Hello" });
  await heard;
  assert.deepEqual([ours.countUnread(), theirs.countUnread()], [0, 1]);
  const read = Promise.all([next(ours, "message.read"), next(theirs, "message.read")]);
  await theirs.markRead();
  for (const event of await read) assert.equal(event.user.id, user("bob"));
  assert.equal(theirs.countUnread(), 0);
});

channelTest("a message can be changed and deleted by its author only", async ({ alice, bob, ours, theirs }) => {
  const { message } = await ours.sendMessage({ text: "Helo" });
  const updated = next(theirs, "message.updated");
  await alice.updateMessage({ id: message.id, text: "Hello" });
  await updated;
  assert.deepEqual(texts(theirs), ["Hello"]);
  await assert.rejects(bob.updateMessage({ id: message.id, text: "Bye" }), { code: 17, status: 403 });
  await assert.rejects(bob.deleteMessage(message.id), { code: 17, status: 403 });
  const deleted = next(theirs, "message.deleted");
  await alice.deleteMessage(message.id, { hardDelete: true });
  await deleted;
  assert.deepEqual(texts(theirs), []);
});

channelTest("typing is seen while it lasts", async ({ user, ours, theirs }) => {
  const started = next(theirs, "typing.start");
  await ours.keystroke();
  assert.equal((await started).user.id, user("alice"));
  const stopped = next(theirs, "typing.stop");
  await ours.stopTyping();
  await stopped;
  assert.deepEqual(theirs.state.typing, {});
});

channelTest("who stops watching, or goes, is missed by those who stay", async ({ user, bob, ours, theirs }) => {
  assert.equal(ours.state.watcher_count, 2);
  const stopped = next(ours, "user.watching.stop");
  await theirs.stopWatching();
  assert.equal((await stopped).user.id, user("bob"));
  assert.equal(ours.state.watcher_count, 1);

  // A member who does not watch is still told that there is something.
  const noticed = next(bob, "notification.message_new");
  await ours.sendMessage({ text: "Hello" });
  assert.equal((await noticed).message.text, "Hello");

  const left = next(ours.getClient(), "user.presence.changed");
  await bob.disconnectUser();
  assert.deepEqual([(await left).user.id, (await left).user.online], [user("bob"), false]);
});

channelTest("members find a channel and what was said in it, nobody else does", async ({ user, connected, ours }) => {
  await ours.sendMessage({ text: "Hello" });
  const again = await connected("bob");
  const [found, ...others] = await again.queryChannels({ type: "messaging", members: { $in: [user("bob")] } });
  assert.deepEqual([found.cid, found.data.name, texts(found), others], [ours.cid, "A talk", ["Hello"], []]);
  const carol = await connected("carol");
  assert.deepEqual(await carol.queryChannels({ cid: { $in: [ours.cid] } }), []);
  await assert.rejects(carol.channel("messaging", ours.id).watch(), { code: 17, status: 403 });
});

chatTest("an expired token is code 40, and a token provider is asked once more", async ({ user, make }) => {
  await fault("expire_tokens", user("alice"), 2);
  const token = await tokenOf(user("alice"));
  assert.deepEqual(await refusalOf(make().connectUser({ id: user("alice") }, token)), {
    code: 40,
    StatusCode: 401,
    isWSFailure: false,
  });
  let asked = 0;
  await make().connectUser({ id: user("alice") }, () => {
    asked += 1;
    return tokenOf(user("alice"));
  });
  assert.equal(asked, 2);
  assert.deepEqual(await countsOf(user("alice")), { open: 1, opened: 1, closed: 0, peak: 1 });
});

chatTest("a refusal is final: the SDK gives up at once, and does not come back", async ({ user, make, connected }) => {
  await fault("refuse", user("alice"));
  const refused = make().connectUser({ id: user("alice") }, await tokenOf(user("alice")));
  assert.deepEqual(await refusalOf(refused), { code: 17, StatusCode: 403, isWSFailure: false });
  assert.equal((await countsOf(user("alice"))).opened, 0);
  await connected("alice");
});

chatTest("another user's token, and one that nobody signed, are refused", async ({ user, make }) => {
  const bobs = await tokenOf(user("bob"));
  const [header, payload] = bobs.split(".");
  const forged = make().connectUser({ id: user("bob") }, `${header}.${payload}.${"A".repeat(43)}`);
  assert.equal((await refusalOf(forged)).code, 43);
  // A provider, because the SDK looks into a token that it is given.
  const others = make().connectUser({ id: user("alice") }, async () => bobs);
  assert.equal((await refusalOf(others)).code, 4);
});

channelTest("a dropped socket is noticed, and what was watched is again", async ({ user, bob, ours, theirs }) => {
  const before = bob._getConnectionID();
  const recovered = next(bob, "connection.recovered");
  await fault("drop", user("bob"));
  assert.equal((await countsOf(user("bob"))).closed, 1);
  await recovered;
  assert.notEqual(bob._getConnectionID(), before);
  assert.deepEqual(await countsOf(user("bob")), { open: 1, opened: 2, closed: 1, peak: 1 });
  const heard = next(theirs, "message.new");
  await ours.sendMessage({ text: "Hello" });
  await heard;
});

channelTest("a silent socket is open, deaf and dumb until it is not", async ({ user, bob, ours, theirs }) => {
  const events = [];
  bob.on(({ type }) => events.push(type));
  const ping = () => bob.wsConnection.ws.send(JSON.stringify([{ type: "health.check", client_id: bob.clientID }]));

  await fault("silent", user("bob"));
  await ours.sendMessage({ text: "Nobody hears this" });
  ping();
  await roundTrip(bob);
  assert.deepEqual([events, texts(theirs)], [[], []]);
  assert.deepEqual(await countsOf(user("bob")), { open: 1, opened: 1, closed: 0, peak: 1 });

  await fault("none", user("bob"));
  ping();
  await roundTrip(bob);
  assert.deepEqual(events, ["health.check"]);
});

chatTest("a new socket can be silent from the start", async ({ user, make }) => {
  await fault("silent", user("alice"), 1);
  const client = make();
  const connecting = client.connectUser({ id: user("alice") }, await tokenOf(user("alice")));
  connecting.catch(() => {});
  await untilCounts(user("alice"), ({ open }) => open === 1);
  await roundTrip(client);
  assert.equal(client.wsConnection.isHealthy, false);
  await client.disconnectUser();
  await assert.rejects(connecting, /disconnectUser/);
  assert.deepEqual(await countsOf(user("alice")), { open: 0, opened: 1, closed: 1, peak: 1 });
});

chatTest("a slow close outlasts the SDK's patience, and is counted for as long", async ({ user, connected }) => {
  const client = await connected("alice");
  await fault("slow_close", user("alice"));
  await client.disconnectUser();
  assert.equal((await countsOf(user("alice"))).open, 1);
  const counts = await untilCounts(user("alice"), ({ open }) => open === 0);
  assert.deepEqual(counts, { open: 0, opened: 1, closed: 1, peak: 1 });
});
