import type { View } from "../useView";

/** One step of a first visit. */
export interface Step {
  name: string;
  /** What to do, and what comes of it. */
  words: string;
  view: View;
  /** What to do it with. */
  testId: string;
}

export const STEPS = {
  live: {
    name: "Go live",
    words: "Go live: your room opens, and a row begins in a real PostgreSQL.",
    view: "room",
    testId: "go-live",
  },
  over: {
    name: "Close the meeting",
    words: "Close the meeting, as a host would. The row ends, exactly once, whatever else Jitsi has to say.",
    view: "room",
    testId: "meeting-ready-to-close",
  },
  broken: {
    name: "Make it go wrong",
    words: "Now let something go wrong, and do it again. Beside each fault stands what should come of it.",
    view: "room",
    testId: "fault-rpc",
  },
  watched: {
    name: "Have an audience",
    words: "Make an event, let five viewers come and leave, and read the one mail that its host gets.",
    view: "event",
    testId: "event-create",
  },
  talked: {
    name: "Talk",
    words: "Open the chat: one socket, for exactly as long as you are there. Break it, or go away.",
    view: "chat",
    testId: "message-text",
  },
  relayed: {
    name: "Have a camera",
    words: "Go live, attach a camera, and end it anywhere: player, relay and row stop together.",
    view: "relay",
    testId: "relay-attach",
  },
} satisfies Record<string, Step>;

export type StepName = keyof typeof STEPS;

export const DONE = "That was all of it. Everything below is yours to play with.";
