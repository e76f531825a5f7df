/** `useEvent` as installed: a page is a viewer while something of it is mounted, once, and nothing is left behind. */
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { EVENT, eventGateway, OTHER, types } from "./event-gateway.mjs";
import { act, h, hydrate, manager, page, render } from "./react-page.mjs";

const strict = (...children) => h(page.React.StrictMode, null, ...children);
const provided = (url, ...children) =>
  h(page.bindings.StreamkeeperProvider, { config: { backend: { url, gatewayUrl: url }, logger: {} } }, ...children);

/** How it stands with an event, and how often that was rendered. */
function viewer() {
  const seen = { renders: 0 };
  const Viewer = ({ id = EVENT }) => {
    const event = page.bindings.useEvent(id);
    seen.renders += 1;
    return event ? `${event.status}: ${event.viewers}` : "not there";
  };
  return { seen, Viewer };
}

/** Waits until the container says so. What has changed is rendered at the end of each `act`. */
async function says(container, words) {
  const deadline = Date.now() + 10_000;
  while (container.textContent !== words) {
    assert.ok(Date.now() < deadline, `never said “${words}”: ${container.textContent}`);
    await act(() => new Promise((resolve) => setTimeout(resolve, 10)));
  }
}

test("in StrictMode, and for several components, the page is one viewer", async (t) => {
  const server = await eventGateway(t);
  const { Viewer } = viewer();
  const { container } = await render(strict(provided(server.url, h(Viewer), h(Viewer))));
  await says(container, "open: 1open: 1");
  await server.settled();
  assert.equal(server.sockets.size, 1);
  assert.equal(types(server).filter((type) => type === "hello").length, 1);
});

test("whoever unmounts the last of them has left", async (t) => {
  const server = await eventGateway(t);
  const { Viewer } = viewer();
  const { container, again } = await render(provided(server.url, h(Viewer), h(Viewer)));
  await says(container, "open: 1open: 1");
  await again(provided(server.url, h(Viewer)));
  assert.deepEqual([container.textContent, types(server)], ["open: 1", ["hello"]]);
  await again(provided(server.url));
  await server.empty();
  assert.deepEqual(types(server), ["hello", "bye"]);
  assert.deepEqual(manager().getSnapshot().events, {});
});

test("another event is another socket; none is none", async (t) => {
  const server = await eventGateway(t);
  const { Viewer } = viewer();
  const { container, again } = await render(provided(server.url, h(Viewer, { id: null })));
  assert.equal(container.textContent, "not there");
  await server.settled();
  assert.equal(server.opened, 0);
  await again(provided(server.url, h(Viewer)));
  await says(container, "open: 1");
  const left = server.empty();
  await again(provided(server.url, h(Viewer, { id: OTHER })));
  await left;
  await says(container, "open: 1");
  assert.deepEqual(server.knocks.map(({ pathname }) => pathname.split("/")[2]), [EVENT, OTHER]);
  assert.deepEqual(Object.keys(manager().getSnapshot().events), [OTHER]);
});

test("an event re-renders for itself only", async (t) => {
  const server = await eventGateway(t);
  const { seen, Viewer } = viewer();
  const { container } = await render(provided(server.url, h(Viewer)));
  await says(container, "open: 1");
  const { renders } = seen;
  await act(() => void manager().watchEvent(OTHER));
  await act(() => manager().reportActivity());
  assert.notEqual(manager().getSnapshot().events[OTHER], undefined);
  assert.equal(seen.renders, renders);
});

test("a server renders that it is not there, and opens nothing; the page takes over from there", async (t) => {
  const said = mock.method(console, "error", () => {});
  const server = await eventGateway(t);
  const { Viewer } = viewer();
  const text = page.server.renderToString(provided(server.url, h(Viewer)));
  assert.match(text, /not there/);
  await server.settled();
  assert.equal(server.opened, 0);
  const { container, before } = await hydrate(provided(server.url, h(Viewer)));
  assert.equal(before, "not there");
  await says(container, "open: 1");
  assert.deepEqual(said.mock.calls.map((call) => call.arguments[0]), []);
});

test("dispose() under a mounted component closes its socket, and the component says so", async (t) => {
  const server = await eventGateway(t);
  const { Viewer } = viewer();
  const { container, again } = await render(provided(server.url, h(Viewer)));
  await says(container, "open: 1");
  await act(() => manager().dispose());
  await server.empty();
  assert.deepEqual(types(server), ["hello", "bye"]);
  await says(container, "not there");
  await again(provided(server.url));
});

test("an id that is none is the component's error, not the app's", async (t) => {
  const server = await eventGateway(t);
  const { Viewer } = viewer();
  const { container } = await render(provided(server.url, h(Viewer, { id: "event" })));
  assert.equal(container.textContent, "not there");
  await server.settled();
  assert.equal(server.opened, 0);
});
