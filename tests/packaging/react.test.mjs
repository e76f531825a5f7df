/** The React bindings as installed: StrictMode, hydration, re-renders, and what must not reach the app. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { after, afterEach, before, mock, test } from "node:test";
import { Window } from "happy-dom";
import { createProject } from "./project.mjs";

const STREAM = "0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11";
const OTHER = STREAM.replace("0", "1");
const SLOT = Symbol.for("streamkeeper");

let project;
let React;
let client;
let server;
let entry;
let bindings;
let container;
let roots = [];

before(async () => {
  project = await createProject({ packages: ["react", "react-dom"] });
  const window = new Window();
  Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true });
  // Node has had its own since version 21.
  globalThis.navigator ??= window.navigator;
  React = await import("react");
  client = await import("react-dom/client");
  server = await import("react-dom/server");
  entry = await import(project.url("dist/inline.js"));
  await entry.default();
  bindings = await import(project.url("dist/react.js"));
});
after(async () => {
  await project?.remove();
  await globalThis.window?.happyDOM.close();
});
afterEach(async () => {
  await React.act(async () => roots.forEach((root) => root.unmount()));
  roots = [];
  await globalThis[SLOT]?.manager?.dispose();
  mock.restoreAll();
});

const h = (...args) => React.createElement(...args);
const host = (streamId) => ({ streamId, streamerId: "ana", role: "host" });

async function render(element) {
  container = document.createElement("div");
  const root = client.createRoot(container);
  roots.push(root);
  await React.act(async () => root.render(element));
  return (next) => React.act(async () => root.render(next));
}

const counts = (meeting) => meeting.eventNames().map((name) => meeting.listenerCount(name));

test("StrictMode attaches a meeting once, and unmounting lets go of it", async () => {
  const meeting = new EventEmitter();
  const Room = () => {
    bindings.useMeeting(meeting, host(STREAM));
    return bindings.useStream(STREAM).stream?.status ?? "none";
  };
  const app = (room) => h(React.StrictMode, null, h(bindings.StreamkeeperProvider, { config: {} }, room));
  const again = await render(app(h(Room)));
  assert.equal(container.textContent, "live");
  assert.deepEqual(counts(meeting), Array(8).fill(1));
  await again(app(null));
  assert.deepEqual(counts(meeting), []);
  assert.equal(entry.ConnectionManager.shared().getSnapshot().streams[STREAM].status, "leaving");
  await again(app(h(Room)));
  assert.equal(container.textContent, "live");
});

test("configuration and stream may be written inline: nothing is attached or made anew", async () => {
  const meeting = new EventEmitter();
  const on = mock.method(meeting, "on");
  const tokens = [];
  const Room = () => {
    bindings.useMeeting(meeting, host(STREAM));
    return null;
  };
  const app = (token) => {
    const config = { backend: { url: "http://127.0.0.1:9", accessToken: () => (tokens.push(token), null) } };
    return h(bindings.StreamkeeperProvider, { config }, h(Room));
  };
  const again = await render(app("first"));
  const manager = entry.ConnectionManager.shared();
  await again(app("second"));
  await again(app("third"));
  assert.equal(on.mock.callCount(), 8);
  assert.equal(entry.ConnectionManager.shared(), manager);
  await manager.getStreamStatus(STREAM).catch(() => {});
  assert.equal(tokens.at(-1), "third");
});

test("a component re-renders only for what it reads, and nothing of the app's is frozen", async () => {
  const room = { title: "mine", tags: ["a"] };
  room.itself = room;
  const renders = { literal: 0, slice: 0 };
  const Literal = () => {
    renders.literal++;
    return bindings.useSnapshot((snapshot) => ({ phase: snapshot.phase, room })).phase;
  };
  const Slice = () => {
    renders.slice++;
    return bindings.useSnapshot((snapshot) => snapshot.streams[STREAM])?.status ?? "none";
  };
  await render(h(bindings.StreamkeeperProvider, {}, h(Literal), " ", h(Slice)));
  const manager = entry.ConnectionManager.shared();
  await React.act(async () => void manager.attachMeeting(new EventEmitter(), host(STREAM)));
  assert.equal(container.textContent, "ready live");
  const before = { ...renders };
  await React.act(async () => void manager.attachMeeting(new EventEmitter(), host(OTHER)));
  assert.deepEqual(renders, before);
  assert.ok(!Object.isFrozen(room) && !Object.isFrozen(room.tags));
});

test("before the manager is there, a stream's methods reject and make none", async () => {
  const rejected = [];
  const Early = () => {
    const { end, checkStatus } = bindings.useStream(STREAM);
    React.useEffect(() => {
      for (const call of [end, checkStatus]) call().catch((error) => rejected.push(error.code));
    }, []);
    return null;
  };
  const config = { ending: { timeout: 500 } };
  const Phase = () => bindings.useSnapshot((snapshot) => snapshot.phase);
  await render(h(bindings.StreamkeeperProvider, { config }, h(Early), h(Phase)));
  assert.deepEqual(rejected, ["not_initialised", "not_initialised"]);
  assert.equal(container.textContent, "ready");
});

test("a bad configuration is said in the console, and the app is rendered", async () => {
  const said = mock.method(console, "error", () => {});
  const Phase = () => bindings.useSnapshot((snapshot) => snapshot.phase);
  await render(h(bindings.StreamkeeperProvider, { config: { ending: { delays: [-1] } } }, "app ", h(Phase)));
  assert.equal(container.textContent, "app unavailable");
  assert.match(String(said.mock.calls[0].arguments[1]), /ending\.delays\[0\] is -1/);
});

test("after dispose, the next render has the next manager", async () => {
  const Phase = () => bindings.useSnapshot((snapshot) => snapshot.phase);
  const app = () => h(bindings.StreamkeeperProvider, {}, h(Phase));
  const again = await render(app());
  const first = entry.ConnectionManager.shared();
  await React.act(async () => first.dispose());
  assert.equal(container.textContent, "disposed");
  await again(app());
  assert.equal(container.textContent, "ready");
  assert.notEqual(entry.ConnectionManager.shared(), first);
});

test("a server's markup hydrates without a mismatch, although the page's manager is there already", async () => {
  const said = mock.method(console, "error", () => {});
  entry.ConnectionManager.shared().attachMeeting(new EventEmitter(), host(STREAM));
  const State = () => bindings.useSnapshot((snapshot) => `${snapshot.phase} ${Object.keys(snapshot.streams).length}`);
  const app = h(bindings.StreamkeeperProvider, {}, h(State));
  container = document.createElement("div");
  container.innerHTML = server.renderToString(app);
  assert.equal(container.textContent, "loading 0");
  await React.act(async () => void roots.push(client.hydrateRoot(container, app)));
  assert.equal(container.textContent, "ready 1");
  assert.deepEqual(said.mock.calls.map((call) => call.arguments[0]), []);
});
