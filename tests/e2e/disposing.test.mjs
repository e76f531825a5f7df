/** What Streamkeeper puts into a page, and that dispose() takes all of it out again. */
import assert from "node:assert/strict";
import { labTest } from "./lab.mjs";

/** How many listeners there are on window and document, as the browser itself counts them. */
async function listeners(page) {
  const cdp = await page.createCDPSession();
  const count = async (expression) => {
    const { result } = await cdp.send("Runtime.evaluate", { expression });
    return (await cdp.send("DOMDebugger.getEventListeners", { objectId: result.objectId })).listeners.length;
  };
  const counted = (await count("window")) + (await count("document"));
  await cdp.detach();
  return counted;
}

/** Before the page's own scripts: keeps the set of the timers that are set and have not fired. */
function countTimers() {
  const { setTimeout, clearTimeout } = globalThis;
  const set = (globalThis.timers = new Set());
  globalThis.setTimeout = (run, ...rest) => {
    const id = setTimeout(() => (set.delete(id), run()), ...rest);
    set.add(id);
    return id;
  };
  globalThis.clearTimeout = (id) => (set.delete(id), clearTimeout(id));
}

/** A meeting that knows how many listen to it. */
function installMeeting() {
  globalThis.meeting = {
    listening: new Set(),
    on(_event, listener) {
      this.listening.add(listener);
    },
    off(_event, listener) {
      this.listening.delete(listener);
    },
  };
}

labTest("importing and loading adds no listener and no timer", async ({ page, open }) => {
  await page.evaluateOnNewDocument(countTimers);
  await open();
  const before = await listeners(page);
  await page.evaluate(async () => void (await initialised()));
  assert.equal(await listeners(page), before);
  assert.equal(await page.evaluate(() => timers.size), 0);
});

labTest("dispose() leaves nothing behind, and shared() makes a new one", async ({ page, open }) => {
  await page.evaluateOnNewDocument(countTimers);
  await page.evaluateOnNewDocument(installMeeting);
  await open();
  const before = await listeners(page);

  const during = await page.evaluate(async () => {
    const { ConnectionManager } = await initialised();
    const manager = (globalThis.first = ConnectionManager.shared({ backend: { url: location.origin } }));
    const streamId = "0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11";
    globalThis.detach = manager.attachMeeting(meeting, { streamId, streamerId: "ana", role: "host" });
    // One call that stays under way, so that the engine's timer is set.
    globalThis.fetch = (_url, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    globalThis.underWay = manager.getStreamStatus(streamId).catch((error) => error.code);
    return { meeting: meeting.listening.size, timers: timers.size };
  });
  assert.ok(during.meeting > 0 && during.timers > 0, "there is something to take away");
  assert.ok((await listeners(page)) > before);

  const after = await page.evaluate(async () => {
    const { ConnectionManager } = await load();
    await Promise.all([first.dispose(), first.dispose()]);
    detach();
    const called = await first.endStreamById("0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11").catch((error) => error.code);
    const left = { meeting: meeting.listening.size, timers: timers.size };
    const second = ConnectionManager.shared();
    const phases = [first, second].map((manager) => manager.getSnapshot().phase);
    return { ...left, called, underWay: await underWay, isNew: second !== first, phases };
  });
  assert.deepEqual(after, {
    meeting: 0,
    timers: 0,
    called: "disposed",
    underWay: "disposed",
    isNew: true,
    phases: ["disposed", "ready"],
  });

  await page.evaluate(async () => (await load()).ConnectionManager.shared().dispose());
  assert.equal(await listeners(page), before);
});

labTest("two copies of the module in one page share one manager", async ({ page, open }) => {
  await open();
  const shared = await page.evaluate(async () => {
    const { ConnectionManager } = await initialised();
    const { ConnectionManager: Copy } = await import("./dist/manager.js?copy");
    return { copies: Copy !== ConnectionManager, oneManager: Copy.shared() === ConnectionManager.shared() };
  });
  assert.deepEqual(shared, { copies: true, oneManager: true });
});
