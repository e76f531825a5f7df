/** What somebody's activity costs an app: nothing, where it is not shown. And what else React may do to a component. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { mock, test } from "node:test";
import { act, h, manager, page, render } from "./react-page.mjs";

const STREAM = "0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11";
const EVENTS = 1_000;

const provided = (config, ...children) => h(page.bindings.StreamkeeperProvider, { config }, ...children);
const clients = () => ({ open: async () => ({}), close: () => {} });

/** Components by name, and how often something in each of them was rendered. */
function counted(components) {
  const renders = {};
  const elements = Object.entries(components).map(([id, component]) => {
    renders[id] = 0;
    return h(page.React.Profiler, { key: id, id, onRender: () => (renders[id] += 1) }, h(component));
  });
  return { renders, elements };
}

test("a thousand activities re-render nothing that does not show activity", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const bindings = page.bindings;
  const hook = (use) => () => (use(), null);
  const { renders, elements } = counted({
    ConnectionStatus: bindings.ConnectionStatus,
    ReconnectBanner: bindings.ReconnectBanner,
    IdlePrompt: bindings.IdlePrompt,
    EndStreamPanel: bindings.EndStreamPanel,
    useStreamkeeper: hook(bindings.useStreamkeeper),
    useChatClient: hook(bindings.useChatClient),
    useChatUser: hook(() => bindings.useChatUser({ id: "ana" }, "token")),
    useMeeting: hook(() => bindings.useMeeting(meeting, { streamId: STREAM, streamerId: "ana", role: "viewer" })),
    useStream: hook(() => bindings.useStream(STREAM)),
    useRoom: hook(() => bindings.useRoom(null)),
    useEvent: hook(() => bindings.useEvent(null)),
    useSession: hook(() => bindings.useSession(null)),
    literal: hook(() => bindings.useSnapshot(({ phase, chat }) => ({ phase, status: chat.status }))),
    useConnection: hook(bindings.useConnection),
  });
  const meeting = new EventEmitter();
  await render(provided({ chat: clients(), inactivity: { timeout: null } }, ...elements));
  await act(() => manager().connectUser("ana", "token"));
  const before = { ...renders };
  let last = manager().getSnapshot().presence.lastActivityAt;
  for (let n = 0; n < EVENTS; n++) {
    // The second in which more of it counts for nothing.
    await act(() => t.mock.timers.tick(1_001));
    await act(() => manager().reportActivity());
    const now = manager().getSnapshot().presence.lastActivityAt;
    assert.ok(now > last, "it was noticed");
    last = now;
  }
  const more = Object.entries(renders).map(([id, count]) => [id, count - before[id]]);
  assert.deepEqual(more.filter(([, count]) => count > 0), [["useConnection", EVENTS]]);
});

test("a transition that takes its time shows what is, and disturbs nobody", async () => {
  const { startTransition, Suspense, useState } = page.React;
  let turn;
  const chat = clients();
  const opened = mock.method(chat, "open");
  const thrown = { done: false };
  thrown.promise = new Promise((resolve) => (thrown.settle = resolve));
  const Late = () => {
    // As React 18 knows it as well.
    if (!thrown.done) throw thrown.promise;
    return "late ";
  };
  const Tabs = () => {
    const [late, setLate] = useState(false);
    turn = () => startTransition(() => setLate(true));
    bindings.useChatUser({ id: "ana" }, "token");
    return h(page.React.Fragment, null, late && h(Late), h(Status));
  };
  const { bindings } = page;
  const Status = () => bindings.useSnapshot((snapshot) => snapshot.chat.status);
  const { container } = await render(provided({ chat }, h(Suspense, { fallback: "waiting" }, h(Tabs))));
  await act(() => manager().connectUser("ana", "token"));
  assert.equal(container.textContent, "connected");
  await act(() => turn());
  assert.equal(container.textContent, "connected", "the old one stays");
  await act(() => manager().disconnectUser());
  assert.equal(container.textContent, "disconnected", "what changes meanwhile is shown");
  thrown.done = true;
  await act(() => thrown.settle());
  assert.equal(container.textContent, "late disconnected");
  assert.equal(opened.mock.callCount(), 1);
});
