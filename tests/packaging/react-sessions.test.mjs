/** `useSession` as installed: registered once while it is mounted, and the functions of the last render are called. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { act, h, manager, page, render } from "./react-page.mjs";
import { serve, STREAM } from "./room-backend.mjs";

const strict = (...children) => h(page.React.StrictMode, null, ...children);
const provided = (url, ...children) => h(page.bindings.StreamkeeperProvider, { config: { backend: { url }, logger: {} } }, ...children);

/** A player whose functions are others at every render. */
function Player({ stopped, name, idle = false, ...more }) {
  const stop = () => void stopped.push(name);
  page.bindings.useSession(idle ? null : { key: STREAM, kind: "hls", stop, ...more });
  return null;
}

const ended = [200, { success: true, status: "ended" }];
const count = () => manager().syncCheck().hls_proxy.session_count;

test("in StrictMode it is one session; the last render's stop is called, once; unmounted it is none", async (t) => {
  const { url } = await serve(t, { end_stream_comprehensive: ended });
  const stopped = [];
  const { again } = await render(strict(provided(url, h(Player, { stopped, name: "first" }))));
  assert.equal(count(), 1);
  await again(strict(provided(url, h(Player, { stopped, name: "second" }))));
  assert.equal(count(), 1);
  await act(() => manager().endStreamById(STREAM));
  assert.deepEqual(stopped, ["second"]);
  await again(strict(provided(url)));
  assert.deepEqual([count(), stopped], [0, ["second"]]);
});

test("it is registered when there is something, and asked whether it is open when it can be", async (t) => {
  const { url } = await serve(t, {});
  const stopped = [];
  let open = false;
  const { again } = await render(provided(url, h(Player, { stopped, idle: true })));
  assert.equal(count(), 0);
  await again(provided(url, h(Player, { stopped, isOpen: () => open })));
  assert.equal(count(), 0);
  open = true;
  assert.equal(count(), 1);
  await again(provided(url, h(Player, { stopped, idle: true })));
  assert.deepEqual([count(), stopped], [0, []], "who unmounts a player stops it himself");
});
