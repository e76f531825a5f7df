/** Meetings that are attached, let go of, and attached again: StrictMode, a hot reload, a prop that came late. */
import assert from "node:assert/strict";
import { labTest } from "./lab.mjs";

/** In the page: `meeting`, an emitter, and `ready()`, which gives `attach` and `status` for one stream. */
function install() {
  const streamId = "0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11";
  const listeners = new Map();
  globalThis.meeting = {
    on: (event, listener) => listeners.set(event, (listeners.get(event) ?? new Set()).add(listener)),
    off: (event, listener) => listeners.get(event)?.delete(listener),
    emit: (event, payload = {}) => [...(listeners.get(event) ?? [])].forEach((listener) => listener(payload)),
  };
  globalThis.ready = async () => {
    const { ConnectionManager } = await initialised();
    const manager = ConnectionManager.shared({ backend: { url: location.origin } });
    return {
      attach: (role = "host") => manager.attachMeeting(meeting, { streamId, streamerId: "ana", role }),
      status: () => manager.getSnapshot().streams[streamId]?.status,
    };
  };
}

function attachingTest(name, inPage, expected) {
  labTest(name, async ({ page, open }) => {
    await page.evaluateOnNewDocument(install);
    await open();
    assert.deepEqual(await page.evaluate(inPage), expected);
  });
}

attachingTest(
  "StrictMode's second attach is the one that counts",
  async () => {
    const { attach, status } = await ready();
    attach()();
    attach();
    meeting.emit("videoConferenceJoined");
    const joined = status();
    meeting.emit("readyToClose");
    return { joined, closed: status() };
  },
  { joined: "live", closed: "ending" },
);

attachingTest(
  "a meeting that was joined, let go of and attached again still ends its stream",
  async () => {
    const { attach, status } = await ready();
    const detach = attach();
    meeting.emit("videoConferenceJoined");
    detach();
    const between = status();
    attach();
    const back = status();
    meeting.emit("readyToClose");
    return { between, back, closed: status() };
  },
  { between: "leaving", back: "live", closed: "ending" },
);

attachingTest(
  "a viewer's meeting ends nothing, whatever happens in it",
  async () => {
    const { attach, status } = await ready();
    attach("viewer");
    meeting.emit("videoConferenceJoined");
    for (const event of ["videoConferenceLeft", "hangup", "conferenceTerminated", "readyToClose"]) meeting.emit(event);
    return status();
  },
  "live",
);
