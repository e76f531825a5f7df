/** The React bindings once more, on the oldest React that they are for. */
import assert from "node:assert/strict";
import { test } from "node:test";

process.env.STREAMKEEPER_REACT = "18";
const { page } = await import("./react-page.mjs");

test("this is React 18", () => assert.match(page.React.version, /^18\./));

await import("./react.test.mjs");
await import("./react-chat.test.mjs");
await import("./react-end-panel.test.mjs");
await import("./react-renders.test.mjs");
await import("./react-events.test.mjs");
await import("./react-rooms.test.mjs");
await import("./react-sessions.test.mjs");
await import("./react-words.test.mjs");
