/** The React bindings of chat as installed: one connection, no stale client, and words for every state. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { act, h, hydrate, manager, page, render } from "./react-page.mjs";

const FAST = { reconnect: { delay: 10, maxDelay: 10, jitter: false }, health: { timeout: 1_000 } };

let unhandled = [];
const onUnhandled = (error) => unhandled.push(error);
beforeEach(() => process.on("unhandledRejection", onUnhandled));
afterEach(() => {
  process.off("unhandledRejection", onUnhandled);
  assert.deepEqual(unhandled.splice(0), []);
});

/** What a transport was asked for, and all clients that it made. `refuses`: the errors of its next openings. */
class Service {
  openings = [];
  clients = [];
  onClose;

  constructor(...refuses) {
    this.refuses = refuses;
  }

  transport = {
    open: async (opening) => {
      this.openings.push(opening);
      if (this.refuses.length > 0) throw this.refuses.shift();
      const client = { number: this.clients.length + 1, user: opening.user.id, closed: false };
      this.clients.push(client);
      return client;
    },
    close: async (client) => {
      client.closed = true;
      await this.onClose?.();
    },
  };
}

const refusal = () => Object.assign(new Error("no"), { code: "refused" });

const app = (config, ...children) =>
  h(page.bindings.StreamkeeperProvider, { config: { ...FAST, ...config } }, ...children);
const strict = (...children) => h(page.React.StrictMode, null, ...children);

const User = ({ user = { id: "ana" }, token = "token" }) => {
  page.bindings.useChatUser(user, token);
  return null;
};
const Client = () => {
  const client = page.bindings.useChatClient();
  return client ? `client ${client.number}` : "no client";
};

/** Waits until the snapshot is so; what follows from it has been rendered then. */
const until = (isSo) =>
  act(async () => {
    const { getSnapshot, subscribe } = manager();
    while (!isSo(getSnapshot())) {
      await new Promise((changed) => {
        const stop = subscribe(() => (stop(), changed()));
      });
    }
  });
const untilStatus = (status) => until(({ chat }) => chat.status === status);

test("a user is connected once in StrictMode, and outlives the component", async () => {
  const service = new Service();
  const { container, again } = await render(strict(app({ chat: service.transport }, h(User), h(Client))));
  await untilStatus("connected");
  assert.equal(container.textContent, "client 1");
  await again(strict(app({ chat: service.transport }, h(Client))));
  assert.equal(container.textContent, "client 1");
  await again(strict(app({ chat: service.transport }, h(User), h(Client))));
  await again(strict(app({ chat: service.transport }, h(User, { user: null }), h(Client))));
  assert.equal(container.textContent, "client 1");
  assert.equal(service.openings.length, 1);
});

test("no component renders with a client that is being closed, whatever it is closed for", async () => {
  const service = new Service();
  const seen = [];
  const Watch = () => {
    const client = page.bindings.useChatClient();
    seen.push(client && `${client.number}${client.closed ? " closed" : ""}`);
    return null;
  };
  const at = (id) => strict(app({ chat: service.transport }, h(User, { user: { id } }), h(Watch)));
  const { again } = await render(at("ana"));
  await untilStatus("connected");
  await atItsOwnTime(() => manager().reconnect({ force: true }));
  await act(() => service.openings.at(-1).lost("gone"));
  await untilStatus("connected");
  await again(at("bea"));
  await untilStatus("connected");
  await act(() => manager().disconnectUser());
  // What is rendered twice, by StrictMode, counts once.
  const changes = seen.filter((it, index) => it !== seen[index - 1]);
  assert.deepEqual(changes, [null, "1", null, "2", null, "3", null, "4", null]);
  assert.deepEqual(service.clients.map(({ user }) => user), ["ana", "ana", "ana", "bea"]);
  assert.ok(service.clients.every(({ closed }) => closed));
});

/** As in a browser: React renders at its own time, and not at the end of an `act`. */
async function atItsOwnTime(work) {
  globalThis.IS_REACT_ACT_ENVIRONMENT = false;
  await work().finally(() => (globalThis.IS_REACT_ACT_ENVIRONMENT = true));
}

/** Closes; gives what happened, in its order. */
async function lettingGo(close, onDisconnect = () => {}) {
  const service = new Service();
  const log = [];
  const Channel = () => {
    const client = page.bindings.useChatClient();
    page.React.useEffect(() => (client ? () => log.push("the channel is let go of") : undefined), [client]);
    return client ? "a client" : "no client";
  };
  const { container } = await render(app({ chat: service.transport }, h(User), h(Channel)));
  await untilStatus("connected");
  const { chatClient, on } = manager();
  on("disconnect", ({ client, reason }) => {
    log.push(`disconnect: ${reason}`);
    assert.ok(!client.closed);
    onDisconnect();
  });
  service.onClose = async () => {
    log.push(`close: the manager has ${chatClient()}`);
    await null;
    log.push(`later: the page has ${container.textContent}`);
  };
  await atItsOwnTime(() => close(manager()));
  service.onClose = undefined;
  return log;
}

const CLOSES = {
  sign_out: (manager) => manager.disconnectUser(),
  forced: (manager) => manager.reconnect({ force: true }),
  disposed: (manager) => manager.dispose(),
};
for (const [reason, close] of Object.entries(CLOSES)) {
  test(`${reason}: components have let go of a client before its close has got any further`, async () => {
    const log = await lettingGo(close);
    const closing = ["close: the manager has null", "the channel is let go of", "later: the page has no client"];
    assert.deepEqual(log, [`disconnect: ${reason}`, ...closing]);
  });

  test(`${reason}: an app may have them let go of it before its close begins`, async () => {
    const log = await lettingGo(close, () => page.flushSync(() => {}));
    const closing = ["the channel is let go of", "close: the manager has null", "later: the page has no client"];
    assert.deepEqual(log, [`disconnect: ${reason}`, ...closing]);
  });
}

test("the newest token and data are used, and none of them connects again", async () => {
  const service = new Service();
  const at = (token, name) => app({ chat: service.transport }, h(User, { user: { id: "ana", data: { name } }, token }));
  const { again } = await render(at(() => "first", "Ana"));
  await untilStatus("connected");
  await again(at(async () => "second", "Anna"));
  await again(at("third", "Anne"));
  assert.equal(service.openings.length, 1);
  await again(at(() => "fourth", undefined));
  await act(() => manager().reconnect({ force: true }));
  await again(at("fifth", "Annie"));
  await act(() => manager().reconnect({ force: true }));
  assert.deepEqual(service.openings.map(({ token, user }) => [token, user]), [
    ["first", { id: "ana", name: "Ana" }],
    ["fourth", { id: "ana", name: undefined }],
    ["fifth", { id: "ana", name: "Annie" }],
  ]);
});

test("who is no longer named stays connected as they were", async () => {
  const service = new Service();
  const ana = h(User, { user: { id: "ana", data: { name: "Ana" } }, token: () => "ana's" });
  const { again } = await render(app({ chat: service.transport }, ana));
  await untilStatus("connected");
  await again(app({ chat: service.transport }, h(User, { user: null, token: () => "nobody's" })));
  await act(() => manager().reconnect({ force: true }));
  assert.deepEqual(service.openings.map(({ token, user }) => [token, user.name]), Array(2).fill(["ana's", "Ana"]));
});

test("what goes wrong with a connection is in the snapshot, and is nobody's unhandled rejection", async () => {
  const said = mock.method(console, "error", () => {});
  const service = new Service(new Error("first"), new Error("second"));
  const { again } = await render(strict(app({ chat: service.transport, logger: {} }, h(User))));
  await until(({ chat }) => chat.lastError?.includes("second"));
  await untilStatus("connected");
  const broken = () => {
    throw new Error("secret");
  };
  await again(strict(app({ chat: service.transport, logger: {} }, h(User, { user: { id: "bea" }, token: broken }))));
  await until(({ chat }) => chat.lastError?.includes("token function threw"));
  assert.deepEqual(said.mock.calls.map((call) => call.arguments), []);
});

test("the app's own mistakes are said in the console", async () => {
  const said = mock.method(console, "error", () => {});
  const { again } = await render(app({ chat: new Service().transport }, h(User, { user: { id: "" } })));
  await again(app({ chat: new Service().transport }, h(User, { token: 42 })));
  await act(() => manager().dispose());
  await again(app({}, h(User)));
  const codes = said.mock.calls.map(({ arguments: [, error] }) => error.code);
  assert.deepEqual(codes, ["invalid_argument", "invalid_argument", "no_chat"]);
});

test("useConnection tells of the connection, and its reconnect may stand as a handler", async () => {
  const service = new Service(refusal());
  let connection;
  const early = [];
  const Show = () => {
    connection = page.bindings.useConnection();
    page.React.useEffect(() => void connection.reconnect().catch(({ code }) => early.push(code)), []);
    return h("button", { onClick: connection.reconnect }, connection.status);
  };
  const { container } = await render(app({ chat: service.transport, logger: {} }, h(User), h(Show)));
  await untilStatus("disconnected");
  const { reason, lastError, nextRetryAt, lastActivityAt } = connection;
  assert.deepEqual({ reason, lastError, nextRetryAt }, { reason: "refused", lastError: "no", nextRetryAt: null });
  assert.ok(lastActivityAt > 0);
  await act(() => container.querySelector("button").click());
  await untilStatus("connected");
  assert.equal(connection.reason, null);
  // Again it is no `force`, whatever the event has.
  await act(() => container.querySelector("button").click());
  assert.equal(service.openings.length, 2);
  await act(() => connection.reconnect({ force: true }));
  assert.equal(service.openings.length, 3);
  assert.deepEqual(early, ["not_initialised"]);
});

test("ConnectionStatus has words for what is, and renders for nothing else", async () => {
  const service = new Service(refusal());
  let renders = 0;
  const words = {
    get connected() {
      renders += 1;
      return "Verbunden";
    },
  };
  const status = h(page.bindings.ConnectionStatus, { className: "mine", words, lastActivity: true });
  const { container, again } = await render(app({ chat: service.transport, logger: {} }, status));
  const live = container.querySelector('[role="status"]');
  const root = container.querySelector(".streamkeeper-status.mine");
  assert.equal(live.textContent, "Not connected");
  await again(app({ chat: service.transport, logger: {} }, status, h(User)));
  await untilStatus("disconnected");
  assert.equal(live.textContent, "Not connected: the server has refused it");
  assert.deepEqual({ ...root.dataset }, { status: "disconnected", reason: "refused" });
  await act(() => manager().reconnect());
  assert.equal(live.textContent, "Verbunden");
  assert.equal(container.querySelector('[role="status"]'), live);
  const time = container.querySelector("time");
  assert.ok(!live.contains(time) && time.textContent.startsWith("Last active at "));
  assert.ok(Math.abs(Date.now() - Date.parse(time.dateTime)) < 120_000);
  const before = { renders, at: manager().getSnapshot().presence };
  await act(() => manager().reportActivity());
  assert.notEqual(manager().getSnapshot().presence, before.at);
  assert.equal(renders, before.renders);
  await act(() => manager().disconnectUser());
  assert.equal(live.textContent, "Not connected: you have signed out");
});

test("ReconnectBanner is there when chat has gone, and its button brings it back", async () => {
  const service = new Service();
  const banner = h(page.bindings.ReconnectBanner, { words: { nextTry: (at) => `Next: ${at.getTime()}` } });
  const config = { chat: service.transport, logger: {}, reconnect: { delay: 60_000, maxDelay: 60_000, jitter: false } };
  const { container, again } = await render(app(config, banner));
  // What is read out: the reason, and that once however often it is tried.
  const region = container.querySelector('[role="status"]');
  const shown = () => container.querySelector(".streamkeeper-banner")?.textContent ?? "";
  assert.equal(shown(), "");
  await again(app(config, banner, h(User)));
  await untilStatus("connected");
  assert.equal(shown(), "");
  await act(() => service.openings[0].lost("gone"));
  await untilStatus("reconnecting");
  const { nextRetryAt } = manager().getSnapshot().chat;
  assert.equal(shown(), `Reconnecting…: the connection was lost. Next: ${nextRetryAt}Reconnect`);
  assert.equal(region.textContent, "the connection was lost");
  service.refuses.push(refusal());
  await act(() => container.querySelector("button").click());
  await untilStatus("disconnected");
  assert.equal(shown(), "Not connected: the server has refused it. Reconnect");
  assert.equal(region.textContent, "the server has refused it");
  await act(() => container.querySelector("button").click());
  await untilStatus("connected");
  assert.equal(shown() + region.textContent, "");
  assert.equal(container.querySelector('[role="status"]'), region);
  await act(() => manager().disconnectUser());
  assert.equal(shown(), "");
});

test("IdlePrompt asks in time, takes no focus, and goes away when it is answered", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const inactivity = { timeout: 300_000, prompt: 60_000 };
  const prompt = h(page.bindings.IdlePrompt, { words: { consequence: (at) => `Until ${at.getTime()}.` } });
  const { container } = await render(app({ chat: new Service().transport, inactivity }, h(User), h("input"), prompt));
  await untilStatus("connected");
  const region = container.querySelector('[role="alert"]');
  const input = container.querySelector("input");
  input.focus();
  assert.equal(region.textContent, "");
  await act(() => t.mock.timers.tick(240_000));
  assert.equal(region.textContent, "Are you still there? Until 300000.I’m still here");
  assert.equal(document.activeElement, input);
  await act(() => region.querySelector("button").click());
  assert.equal(manager().getSnapshot().presence.idlePromptUntil, null);
  // The tap that answers must not end on what lies beneath: the button stays for as long as that takes.
  assert.notEqual(region.textContent, "");
  await act(() => t.mock.timers.tick(600));
  assert.equal(region.textContent, "");
  assert.equal(manager().getSnapshot().chat.status, "connected");
});

test("a server renders all of it, and it hydrates while somebody is connected", async () => {
  const said = mock.method(console, "error", () => {});
  const service = new Service();
  await page.entry.ConnectionManager.shared({ ...FAST, chat: service.transport }).connectUser("ana", "token");
  const { ConnectionStatus, ReconnectBanner, IdlePrompt } = page.bindings;
  const children = [h(ConnectionStatus, { lastActivity: true }), h(ReconnectBanner), h(IdlePrompt), h(Client)];
  const { container, before } = await hydrate(app({ chat: service.transport }, ...children));
  assert.equal(before, "Not connectedno client");
  assert.match(container.textContent, /^ConnectedLast active at .+client 1$/);
  assert.deepEqual(said.mock.calls.map((call) => call.arguments[0]), []);
});
