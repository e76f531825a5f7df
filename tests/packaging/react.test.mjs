/** The React bindings as installed: StrictMode, hydration, re-renders, and what must not reach the app. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { mock, test } from "node:test";
import { act, h, hydrate, manager, page, render } from "./react-page.mjs";

const STREAM = "0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11";
const OTHER = STREAM.replace("0", "1");

const counts = (meeting) => meeting.eventNames().map((name) => meeting.listenerCount(name));
const host = (streamId) => ({ streamId, streamerId: "ana", role: "host" });
const Phase = () => page.bindings.useSnapshot((snapshot) => snapshot.phase);

test("StrictMode attaches a meeting once, and unmounting lets go of it", async () => {
  const meeting = new EventEmitter();
  const Room = () => {
    page.bindings.useMeeting(meeting, host(STREAM));
    return page.bindings.useStream(STREAM).stream?.status ?? "none";
  };
  const app = (room) => h(page.React.StrictMode, null, h(page.bindings.StreamkeeperProvider, { config: {} }, room));
  const { container, again } = await render(app(h(Room)));
  assert.equal(container.textContent, "live");
  assert.ok(counts(meeting).length > 0 && counts(meeting).every((count) => count === 1));
  await again(app(null));
  assert.deepEqual(counts(meeting), []);
  assert.equal(manager().getSnapshot().streams[STREAM].status, "leaving");
  await again(app(h(Room)));
  assert.equal(container.textContent, "live");
});

test("configuration and stream may be written inline: nothing is attached or made anew", async () => {
  const meeting = new EventEmitter();
  const on = mock.method(meeting, "on");
  const tokens = [];
  const Room = () => {
    page.bindings.useMeeting(meeting, host(STREAM));
    return null;
  };
  const app = (token) => {
    const config = { backend: { url: "http://127.0.0.1:9", accessToken: () => (tokens.push(token), null) } };
    return h(page.bindings.StreamkeeperProvider, { config }, h(Room));
  };
  const { again } = await render(app("first"));
  const [first, attached] = [manager(), on.mock.callCount()];
  assert.ok(attached > 0);
  await again(app("second"));
  await again(app("third"));
  assert.equal(on.mock.callCount(), attached);
  assert.equal(manager(), first);
  await first.getStreamStatus(STREAM).catch(() => {});
  assert.equal(tokens.at(-1), "third");
});

test("a component re-renders only for what it reads, and nothing of the app's is frozen", async () => {
  const room = { title: "mine", tags: ["a"] };
  room.itself = room;
  const renders = { literal: 0, slice: 0 };
  const Literal = () => {
    renders.literal++;
    return page.bindings.useSnapshot((snapshot) => ({ phase: snapshot.phase, room })).phase;
  };
  const Slice = () => {
    renders.slice++;
    return page.bindings.useSnapshot((snapshot) => snapshot.streams[STREAM])?.status ?? "none";
  };
  const { container } = await render(h(page.bindings.StreamkeeperProvider, {}, h(Literal), " ", h(Slice)));
  await act(() => void manager().attachMeeting(new EventEmitter(), host(STREAM)));
  assert.equal(container.textContent, "ready live");
  const before = { ...renders };
  await act(() => void manager().attachMeeting(new EventEmitter(), host(OTHER)));
  assert.deepEqual(renders, before);
  assert.ok(!Object.isFrozen(room) && !Object.isFrozen(room.tags));
});

test("before the manager is there, a stream's methods reject and make none", async () => {
  const rejected = [];
  const Early = () => {
    const { end, checkStatus } = page.bindings.useStream(STREAM);
    page.React.useEffect(() => {
      for (const call of [end, checkStatus]) call().catch((error) => rejected.push(error.code));
    }, []);
    return null;
  };
  const config = { ending: { timeout: 500 } };
  const { container } = await render(h(page.bindings.StreamkeeperProvider, { config }, h(Early), h(Phase)));
  assert.deepEqual(rejected, ["not_initialised", "not_initialised"]);
  assert.equal(container.textContent, "ready");
});

test("a bad configuration is said in the console, and the app is rendered", async () => {
  const said = mock.method(console, "error", () => {});
  const config = { ending: { delays: [-1] } };
  const { container } = await render(h(page.bindings.StreamkeeperProvider, { config }, "app ", h(Phase)));
  assert.equal(container.textContent, "app unavailable");
  assert.match(String(said.mock.calls[0].arguments[1]), /ending\.delays\[0\] is -1/);
});

test("a configuration that was wrong is said once, and may be put right", async () => {
  const said = mock.method(console, "error", () => {});
  const app = (delay) => h(page.bindings.StreamkeeperProvider, { config: { ending: { delays: [delay] } } }, h(Phase));
  const { container, again } = await render(app(-1));
  await again(app(-1));
  assert.deepEqual([container.textContent, said.mock.callCount()], ["unavailable", 1]);
  await again(app(20));
  assert.equal(container.textContent, "ready");
});

test("after dispose, the next render has the next manager", async () => {
  const app = () => h(page.bindings.StreamkeeperProvider, {}, h(Phase));
  const { container, again } = await render(app());
  const first = manager();
  await act(() => first.dispose());
  assert.equal(container.textContent, "disposed");
  await again(app());
  assert.equal(container.textContent, "ready");
  assert.notEqual(manager(), first);
});

test("a server's markup hydrates without a mismatch, although the page's manager is there already", async () => {
  const said = mock.method(console, "error", () => {});
  manager().attachMeeting(new EventEmitter(), host(STREAM));
  const State = () => page.bindings.useSnapshot((snapshot) => `${snapshot.phase} ${Object.keys(snapshot.streams).length}`);
  const { container, before } = await hydrate(h(page.bindings.StreamkeeperProvider, {}, h(State)));
  assert.equal(before, "loading 0");
  assert.equal(container.textContent, "ready 1");
  assert.deepEqual(said.mock.calls.map((call) => call.arguments[0]), []);
});
