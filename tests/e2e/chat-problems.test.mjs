/** Seed 003's ten previous problems: each is there with a client as it was written before, and not with the manager. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { asUser, chatLogs } from "./database.mjs";
import { listChatLogs } from "./gateway.mjs";
import { labTest } from "./lab.mjs";
import { newClient, tokenOf } from "./stream-service.mjs";

/**
 * `history` happens in a page, to the app of that name in `naive-chat.mjs` and then to ours: what comes of it is the problem,
 * and then what it should be.
 */
function problem(name, naive, history, { was, is }) {
  labTest(name, async ({ page, open }) => {
    for (const [app, expected] of Object.entries({ [naive]: was, Managed: is })) {
      await open();
      assert.deepEqual(await page.evaluate(happen, app, String(history)), expected, app);
    }
  });
}

/** In the page: the history, with that app, its world, and what a browser tells a page. */
async function happen(app, history) {
  const { pageWorld } = await import("./e2e/chat-world.mjs");
  const apps = await import("./e2e/naive-chat.mjs");
  const events = await import("./e2e/page-events.mjs");
  const world = await pageWorld();
  return eval(history)(new apps[app](world), world, events);
}

const REFUSED = "You can't use a channel after client.disconnect() was called";

problem(
  "1: components do not have a client each",
  "Components",
  async (app, world) => {
    const clients = await world.meanwhile(Promise.all(["header", "list", "thread"].map(() => app.visit("ana"))));
    return { clients: new Set(clients).size, sockets: world.server.sockets() };
  },
  { was: { clients: 3, sockets: 3 }, is: { clients: 1, sockets: 1 } },
);

problem(
  "2: a connection is closed when the person goes elsewhere, or signs out",
  "Components",
  async (app, world, page) => {
    await world.meanwhile(app.visit("ana"));
    app.leave();
    app.signOut();
    await world.pass(60_000);
    const signedOut = world.server.sockets();
    await world.meanwhile(app.visit("bea"));
    page.leave();
    await world.pass(60_000);
    return { signedOut, gone: world.server.sockets() };
  },
  { was: { signedOut: 1, gone: 2 }, is: { signedOut: 0, gone: 0 } },
);

problem(
  "3: a connection of the same user is used again",
  "Components",
  async (app, world) => {
    for (let visit = 0; visit < 5; visit++) {
      await world.meanwhile(app.visit("ana"));
      app.leave();
      await world.pass(1_000);
    }
    return world.server.opened();
  },
  { was: 5, is: 1 },
);

problem(
  "4: there is one place that knows all connections: who comes second closes the first",
  "Components",
  async (app, world) => {
    for (const user of ["ana", "bea", "cid"]) await world.meanwhile(app.visit(user));
    return { peak: world.server.peak(), open: world.server.open().map(({ user }) => user) };
  },
  { was: { peak: 3, open: ["ana", "bea", "cid"] }, is: { peak: 1, open: ["cid"] } },
);

problem(
  "5: a page that goes without a beforeunload takes its connection along",
  "BeforeUnload",
  async (app, world, page) => {
    await world.meanwhile(app.visit("ana"));
    page.leave();
    await world.pass(1_000);
    return world.server.sockets();
  },
  { was: 1, is: 0 },
);

problem(
  "6: who does nothing is not connected for ever",
  "Components",
  async (app, world) => {
    await world.meanwhile(app.visit("ana"));
    const sockets = [];
    for (let minute = 1; minute <= 6; minute++) {
      await world.pass(60_000);
      sockets.push(world.server.sockets());
    }
    return sockets;
  },
  { was: [1, 1, 1, 1, 1, 1], is: [1, 1, 1, 1, 0, 0] },
);

problem(
  "7: a connection that is not well is found out, and another one takes its place",
  "ByUserId",
  async (app, world) => {
    await world.meanwhile(app.visit("ana"));
    world.server.silence("ana");
    // It is missed by then, and the next try, a second later at the earliest, finds the service well.
    await world.pass(40_500);
    const whileSilent = app.isWell();
    world.server.silence("ana", false);
    await world.pass(60_000);
    return { whileSilent, afterwards: app.isWell(), opened: world.server.opened() };
  },
  { was: { whileSilent: true, afterwards: true, opened: 1 }, is: { whileSilent: false, afterwards: true, opened: 2 } },
);

problem(
  "8: nobody uses a channel of a client that was disconnected",
  "Impatient",
  async (app, world, page) => {
    await world.meanwhile(app.visit("ana"));
    const channel = app.channel("ana");
    await world.meanwhile(channel.speak());
    app.leave();
    page.goOffline();
    const first = await world.meanwhile(channel.speak().then(() => null, ({ message }) => message));
    page.goOnline();
    await world.pass(5_000);
    const back = await world.meanwhile(app.visit("ana").then(() => channel.speak()).then(() => null, ({ message }) => message));
    return { first, back };
  },
  { was: { first: REFUSED, back: REFUSED }, is: { first: null, back: null } },
);

problem(
  "9: who comes, goes and comes again in a moment has one socket, and it works",
  "Impatient",
  async (app, world) => {
    const visits = [app.visit("ana")];
    app.leave();
    visits.push(app.visit("ana"));
    await world.meanwhile(Promise.allSettled(visits));
    await world.pass(60_000);
    return { open: world.server.sockets(), peak: world.server.peak() };
  },
  { was: { open: 2, peak: 2 }, is: { open: 1, peak: 1 } },
);

test("10: an admin sees every chat log and a user their own, which no client can write", async () => {
  const [ana, bea] = ["ana", "bea"].map((name) => `${name}-${randomUUID().slice(0, 8)}`);
  const text = `said in ${randomUUID()}`;
  const textsOf = (rows) => rows.filter((row) => row.text === text).map(({ user_id }) => user_id);
  // As it was: whoever is signed in writes what was said, and reads it for the dashboard.
  const written = asUser(ana, "insert into chat_logs (webhook_id, type, user_id, text) values ($1, 'message.new', $2, $1)", [text, ana]);
  await assert.rejects(written, { code: "42501" });

  for (const user of [ana, bea]) await say(user, text);
  const everything = [ana, bea];
  await until(async () => (await chatLogs(text)).length === everything.length);
  assert.deepEqual(textsOf(await asUser("dashboard", "select * from chat_logs")), []);
  assert.deepEqual(textsOf(await listChatLogs("dashboard", "admin")).sort(), everything);
  assert.deepEqual(textsOf(await listChatLogs(ana)), [ana]);
  assert.deepEqual(textsOf(await listChatLogs(bea)), [bea]);
  assert.deepEqual(textsOf(await listChatLogs("somebody else")), []);
});

/** A message through Stream's service, which tells our webhook. */
async function say(user, text) {
  const client = newClient();
  await client.connectUser({ id: user }, await tokenOf(user));
  const channel = client.channel("messaging", randomUUID(), { members: [user] });
  await channel.watch();
  await channel.sendMessage({ text });
  await client.disconnectUser();
}

async function until(isTrue) {
  const deadline = Date.now() + 10_000;
  while (!(await isTrue())) {
    assert.ok(Date.now() < deadline, "it never was");
    await pause(20);
  }
}
