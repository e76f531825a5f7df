/** What Streamkeeper leaves in a page when it is disposed of: nothing. And what it costs while a person is there: next to it. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { tokenOf } from "./gateway.mjs";
import { labTest } from "./lab.mjs";
import { countHoldings } from "./page-holdings.mjs";
import { tokenOf as chatTokenOf, untilCounts } from "./stream-service.mjs";

const NOTHING = { listeners: [], timers: 0, sockets: 0, channels: 0, locks: [] };
const ACTIVITY = ["click", "keydown", "keypress", "mousedown", "mousemove", "pointerdown", "pointermove", "scroll", "touchstart", "wheel"];
/** After one activity event nobody listens for the next until this has passed. */
const WINDOW = 1_000;
const WINDOWS = 3;

/** In the page: a manager with chat and with a stream that this page hosts. */
async function comeIn(user, chatToken, accessToken) {
  const { StreamChat } = await import("./vendor/stream-chat.mjs");
  const { ConnectionManager, streamChat } = await initialised();
  const createClient = () => new StreamChat("demo-key", { baseURL: `${location.origin}/demo/stream-chat` });
  globalThis.shared = () =>
    ConnectionManager.shared({
      chat: streamChat({ createClient }),
      backend: { url: location.origin, accessToken: () => accessToken },
      // So long a page that is gone is waited for.
      ending: { hostGrace: 1_000 },
    });
  globalThis.manager = shared();
  await manager.connectUser(user, chatToken);
  const { stream_id: streamId } = await manager.startStream({ title: "To be left" });
  globalThis.meeting = {
    heard: new Map(),
    on: (name, listener) => meeting.heard.set(name, listener),
    off: (name) => meeting.heard.delete(name),
  };
  manager.attachMeeting(meeting, { streamId, streamerId: user, role: "host" });
  meeting.heard.get("videoConferenceJoined")({ roomName: "room", id: "one" });
  return streamId;
}

/** A page whose holdings are counted, with that person in it. */
function hosting(name, body) {
  labTest(name, async (given) => {
    const { page, open } = given;
    await page.evaluateOnNewDocument(countHoldings);
    await open();
    const before = await page.evaluate(() => holdings.all());
    const user = `ana-${randomUUID().slice(0, 8)}`;
    await page.evaluate(comeIn, user, await chatTokenOf(user), await tokenOf(user));
    await body({ ...given, user, before });
  });
}

hosting("dispose() takes everything back: listeners, timers, sockets, channels and locks", async ({ page, user, before }) => {
  assert.deepEqual(before, NOTHING);
  await untilCounts(user, ({ open }) => open === 1);
  // Locks are granted in their own time.
  await page.waitForFunction(async () => (await holdings.locks()).length > 0);
  const during = await page.evaluate(() => holdings.all());
  assert.ok(during.timers > 0 && during.listeners.length > ACTIVITY.length, JSON.stringify(during));
  assert.deepEqual([during.sockets, during.channels], [1, 1]);

  await page.evaluate(() => manager.dispose());
  await page.waitForFunction(async () => (await holdings.locks()).length === 0);
  assert.deepEqual(await page.evaluate(() => holdings.all()), NOTHING);
  assert.equal(await page.evaluate(() => meeting.heard.size), 0);
  await untilCounts(user, ({ open, opened, peak }) => open === 0 && opened === 1 && peak === 1);
});

hosting("what it owes at its end is the next manager's, in the same page", async ({ page }) => {
  const owed = () => Object.keys(localStorage).filter((key) => key.startsWith("streamkeeper.outbox.")).length;
  await page.evaluate(() => manager.dispose());
  assert.equal(await page.evaluate(owed), 1, "a goodbye, whose answer nobody waits for");
  await page.evaluate(() => void shared());
  await page.waitForFunction(`!(${owed})()`);
});

hosting("while the person is plainly there, a mouse move costs nothing: one event in a second is listened to", async ({ page }) => {
  // Not by addEventListener, which is counted.
  await page.evaluate(() => {
    globalThis.moves = 0;
    window.onmousemove = () => (moves += 1);
  });
  for (let x = 1; (await page.evaluate(() => moves)) < 50 || (await onAndOff(page)).length < 2 * WINDOWS + 1; x++) {
    await page.mouse.move(x % 1_000, 5 + (x % 7));
  }

  const changes = await onAndOff(page);
  for (const [i, { at, isOn }] of changes.entries()) {
    assert.equal(isOn, i % 2 === 0, "they are put on after they were taken off, and the other way round");
    // Half a millisecond is lost when the clock is read.
    if (isOn && i > 0) assert.ok(at - changes[i - 1].at >= WINDOW - 1, `${at - changes[i - 1].at} ms`);
  }
});

/** When all of the activity listeners were put on, or taken off: it is always all of them. */
async function onAndOff(page) {
  const history = await page.evaluate((types) => holdings.history.filter(({ type }) => types.includes(type)), ACTIVITY);
  const changes = [];
  for (let i = 0; i < history.length; i += ACTIVITY.length) {
    const together = history.slice(i, i + ACTIVITY.length);
    assert.deepEqual(together.map(({ type }) => type).sort(), ACTIVITY);
    assert.equal(new Set(together.map(({ isOn }) => isOn)).size, 1);
    changes.push(together[0]);
  }
  return changes;
}
