/** The React bindings of rooms as installed: one call for one click, no render for nothing, and nothing left behind. */
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { act, h, hydrate, manager, page, render } from "./react-page.mjs";
import { ANSWERS, ROOM, serve, SESSION } from "./room-backend.mjs";

const OTHER = ROOM.replace("8", "9");

const names = (asked) => asked.map(({ name }) => name);
const strict = (...children) => h(page.React.StrictMode, null, ...children);
const provided = (url, ...children) =>
  h(
    page.bindings.StreamkeeperProvider,
    { config: { backend: { url }, ending: { delays: [10], timeout: 1_000 }, logger: {} } },
    ...children,
  );

/** A room, and what its component got last. */
function roomOf(hint) {
  const seen = { renders: 0 };
  const Room = () => {
    Object.assign(seen, page.bindings.useRoom(ROOM, hint), { renders: seen.renders + 1 });
    const { isHost, status, conflict, error, busy } = seen;
    const begin = () => void seen.goLive({ takeOver: conflict !== null }).catch(() => {});
    const end = () => void seen.endRoom().catch(() => {});
    return h(
      page.React.Fragment,
      null,
      h("p", null, [String(isHost), status, conflict?.id ?? "no conflict", error ?? "no error"].join(", ")),
      h("button", { id: "begin", disabled: busy, onClick: begin }),
      h("button", { id: "end", disabled: busy, onClick: end }),
    );
  };
  return { seen, Room };
}

/** Waits until the container says so. What has changed is rendered at the end of each `act`. */
async function says(container, words) {
  const deadline = Date.now() + 10_000;
  while (!container.textContent.includes(words)) {
    assert.ok(Date.now() < deadline, `never said “${words}”: ${container.textContent}`);
    await act(() => new Promise((resolve) => setTimeout(resolve, 10)));
  }
}
const click = (container, id) => act(() => container.querySelector(`#${id}`).click());

test("in StrictMode the database is asked once who the host is, and a click goes live once", async (t) => {
  const { url, asked } = await serve(t, { get_live_room: ANSWERS.idle, live_room_create_session: [200, SESSION] });
  const { seen, Room } = roomOf();
  const { container } = await render(strict(provided(url, h(Room))));
  await says(container, "true, idle");
  assert.deepEqual(names(asked), ["get_live_room"]);
  await click(container, "begin");
  // Disabled while it is under way.
  await click(container, "begin");
  await says(container, "true, live");
  assert.deepEqual(names(asked), ["get_live_room", "live_room_create_session"]);
  assert.deepEqual(seen.session, SESSION);
});

test("a hint is shown until the database has spoken, and it is not what goes live", async (t) => {
  const { url, asked } = await serve(t, { get_live_room: [200, { ...ANSWERS.idle[1], is_host: false }] });
  const { Room } = roomOf(true);
  const { container } = await render(provided(url, h(Room)));
  assert.match(container.textContent, /^true, idle/);
  await says(container, "false, idle");
  assert.deepEqual(names(asked), ["get_live_room"]);
});

test("a conflict offers its session, and is over when it is taken over", async (t) => {
  const answers = { get_live_room: ANSWERS.live, live_room_create_session: ANSWERS.conflict };
  const { url, asked } = await serve(t, answers);
  const { seen, Room } = roomOf();
  const { container } = await render(provided(url, h(Room)));
  await says(container, "true, live, no conflict");
  const { goLive, endRoom } = seen;
  await click(container, "begin");
  await says(container, "true, live, s1");
  // An effect that goes live and depends on it would otherwise go on for ever.
  assert.deepEqual([seen.goLive === goLive, seen.endRoom === endRoom], [true, true]);
  assert.deepEqual(seen.conflict, SESSION);
  answers.live_room_create_session = [200, { ...SESSION, id: "s2" }];
  await click(container, "begin");
  await says(container, "true, live, no conflict, no error");
  assert.deepEqual([seen.session.id, asked.at(-1).body.p_take_over], ["s2", true]);
});

test("an end is busy until it is over; what is refused is said", async (t) => {
  const refused = [403, { code: "42501", message: "room belongs to somebody else", details: null, hint: null }];
  const answers = { get_live_room: ANSWERS.live, live_room_end: refused };
  const { url } = await serve(t, answers);
  const { seen, Room } = roomOf();
  const { container } = await render(provided(url, h(Room)));
  await says(container, "true, live");
  await click(container, "end");
  await says(container, "belongs to somebody else");
  assert.equal(seen.busy, false);
  let answer;
  answers.live_room_end = new Promise((resolve) => (answer = resolve));
  await click(container, "end");
  assert.deepEqual([seen.status, seen.busy], ["ending", true]);
  answer(ANSWERS.ended);
  await says(container, "true, idle, no conflict, no error");
  assert.equal(seen.busy, false);
});

test("a room re-renders for itself only", async (t) => {
  const { url } = await serve(t, { get_live_room: ANSWERS.idle, live_room_listing: [200, []] });
  const { seen, Room } = roomOf();
  const { container } = await render(provided(url, h(Room)));
  await says(container, "true, idle");
  const { renders } = seen;
  const before = manager().getSnapshot();
  await act(() => manager().isHost(OTHER));
  await act(() => void manager().watchListing());
  await act(() => manager().reportActivity());
  assert.notEqual(manager().getSnapshot().rooms[OTHER], undefined);
  assert.notEqual(manager().getSnapshot().listing, before.listing);
  assert.equal(seen.renders, renders);
});

test("without a manager, or a room, the room's methods reject", async (t) => {
  const { url, asked } = await serve(t, {});
  const rejected = [];
  const Early = ({ id }) => {
    const { goLive, endRoom } = page.bindings.useRoom(id);
    page.React.useEffect(() => {
      for (const call of [goLive, endRoom]) call().catch((error) => rejected.push(error.code));
    }, [goLive]);
    return null;
  };
  await render(provided(url, h(Early, { id: null })));
  assert.deepEqual(rejected, ["not_initialised", "not_initialised", "invalid_argument", "invalid_argument"]);
  assert.deepEqual(asked, []);
});

const Listing = () => {
  const { status, sessions } = page.bindings.useListing();
  return `${status}: ${sessions.map(({ id }) => id).join()}`;
};

test("the listing is watched while somebody shows it, also in StrictMode, and then no more", async (t) => {
  const { url } = await serve(t, { live_room_listing: [200, [SESSION]] });
  const { container, again } = await render(strict(provided(url, h(Listing), h(Listing))));
  await says(container, "polling: s1polling: s1");
  await again(strict(provided(url, h(Listing))));
  assert.equal(manager().getSnapshot().listing.status, "polling");
  await again(strict(provided(url)));
  assert.equal(manager().getSnapshot().listing.status, "off");
});

test("a server renders both, and they hydrate although the page knows more by now", async (t) => {
  const said = mock.method(console, "error", () => {});
  const { url } = await serve(t, { get_live_room: ANSWERS.live, live_room_listing: [200, [SESSION]] });
  const config = { backend: { url }, ending: { delays: [10], timeout: 1_000 }, logger: {} };
  await page.entry.ConnectionManager.shared(config).isHost(ROOM);
  const { Room } = roomOf();
  const { container, before } = await hydrate(provided(url, h(Room), h(Listing)));
  assert.equal(before, "null, idle, no conflict, no erroroff: ");
  await says(container, "true, live, no conflict, no error");
  await says(container, "polling: s1");
  assert.deepEqual(said.mock.calls.map((call) => call.arguments[0]), []);
});
