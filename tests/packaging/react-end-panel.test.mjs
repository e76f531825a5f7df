/** The panel that ends streams by hand, as installed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { act, h, manager, page, render } from "./react-page.mjs";
import { serve as backend } from "./room-backend.mjs";

const STREAM = "0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11";
const OTHER = "1d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11";
const jwt = (claims) => `e30.${btoa(JSON.stringify(claims))}.s`;
const USER = jwt({ sub: "ana" });
const ADMIN = jwt({ sub: "ana", app_metadata: { role: "admin" } });

const panel = (url, token = USER, props = {}) =>
  h(
    page.bindings.StreamkeeperProvider,
    { config: { backend: { url, accessToken: () => token }, ending: { delays: [10], timeout: 1_000 }, logger: {} } },
    h(page.bindings.EndStreamPanel, props),
  );

/** Waits until the container says so. What has changed is rendered at the end of each `act`. */
async function says(container, words) {
  const deadline = Date.now() + 5_000;
  while (!container.textContent.includes(words)) {
    assert.ok(Date.now() < deadline, `never said “${words}”: ${container.textContent}`);
    await act(() => new Promise((resolve) => setTimeout(resolve, 10)));
  }
}
const button = (container, words) => [...container.querySelectorAll("button")].find((it) => it.textContent === words);
const click = (element) => act(() => element.click());

test("it ends a stream that the page knows, and says so", async (t) => {
  const { url, asked } = await backend(t, { end_stream_comprehensive: [200, { status: "ended" }] });
  const { container } = await render(panel(url, USER, { streamIds: [STREAM] }));
  await says(container, "Not asked yet");
  await click(button(container, "End"));
  await says(container, "Ended");
  assert.deepEqual(asked.map(({ name, body }) => [name, body.p_stream_id, body.p_reason]), [["end_stream_comprehensive", STREAM, "panel"]]);
  assert.equal(button(container, "End").getAttribute("aria-disabled"), "true");
  await click(button(container, "End"));
  assert.equal(asked.length, 1, "there is nothing more to do");
});

test("it shows the status of a stream that this page does not have, by its id", async (t) => {
  const status = { status: "live", stream_id: OTHER, title: "Ben’s stream", is_live: true };
  const { url } = await backend(t, { get_stream_status: [200, status] });
  const { container } = await render(panel(url));
  await says(container, "This page has no stream.");
  const input = container.querySelector("input");
  await act(() => {
    const set = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(input), "value").set;
    set.call(input, ` ${OTHER.toUpperCase()} `);
    input.dispatchEvent(new window.Event("input", { bubbles: true }));
  });
  await act(() => container.querySelector("form").dispatchEvent(new window.Event("submit", { bubbles: true, cancelable: true })));
  await says(container, "Ben’s stream");
  await says(container, "Live");
});

test("what is refused is said, and may be tried again; what is not delivered is counted", async (t) => {
  const answers = { end_stream_comprehensive: [403, { code: "42501", message: "it belongs to somebody else", details: null, hint: null }] };
  const { url, asked } = await backend(t, answers);
  const { container } = await render(panel(url, USER, { streamIds: [STREAM] }));
  await says(container, "Not asked yet");
  await click(button(container, "End"));
  await says(container, "it belongs to somebody else");
  await says(container, "Not ended yet");
  answers.end_stream_comprehensive = [503, {}];
  await click(button(container, "Try again"));
  await says(container, "One end has not been delivered yet.");
  answers.end_stream_comprehensive = [200, { status: "ended" }];
  await click(button(container, "Try now"));
  await says(container, "Ended");
  assert.equal(manager().getSnapshot().pendingEnds, 0);
  // The refused one, three attempts, and the one that was tried again; the question in between is another function's.
  assert.equal(asked.filter(({ name }) => name === "end_stream_comprehensive").length, 5);
});

test("who signs in as an admin is offered it, and who comes after an admin is not", async (t) => {
  const { url } = await backend(t, {});
  let token = null;
  const config = { backend: { url, accessToken: () => token }, logger: {} };
  const { container } = await render(h(page.bindings.StreamkeeperProvider, { config }, h(page.bindings.EndStreamPanel)));
  await says(container, "Check status");
  const offered = () => button(container, "End all streams") !== undefined;
  const turnsToIt = () => act(() => container.querySelector("input").focus());
  assert.equal(offered(), false);
  for (const [next, expected] of [[ADMIN, true], [USER, false]]) {
    token = next;
    await act(() => document.activeElement?.blur());
    await turnsToIt();
    assert.equal(offered(), expected);
  }
});

test("only an admin is offered to end everything, and is asked first", async (t) => {
  const { url, asked } = await backend(t, { end_stream_comprehensive: [200, { status: "ended", ended: [STREAM, OTHER] }] });
  const { container, again } = await render(panel(url, USER));
  await says(container, "Check status");
  assert.equal(button(container, "End all streams"), undefined);
  await again(null);
  await manager().dispose();
  const admin = await render(panel(url, ADMIN));
  await says(admin.container, "End all streams");
  await click(button(admin.container, "End all streams"));
  await click(button(admin.container, "No"));
  await click(button(admin.container, "End all streams"));
  assert.deepEqual(asked, []);
  await click(button(admin.container, "Yes, end everybody’s streams"));
  await says(admin.container, "2 streams were ended.");
  assert.equal(asked[0].body.p_force_end_all, true);
});
