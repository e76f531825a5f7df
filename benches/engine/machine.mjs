/**
 * A chat connection and its person's presence as a statechart: what of the engine's work can be written so in a page of
 * code. There are no streams, rooms, listing or outbox, no back-off, no usage and no trace.
 */
import { setup } from "xstate";

export const machine = setup({
  delays: { timeout: 300_000, interval: 30_000, answer: 10_000, retry: 2_000 },
}).createMachine({
  type: "parallel",
  states: {
    presence: {
      initial: "active",
      states: {
        active: { after: { timeout: "away" }, on: { ACTIVITY: { target: "active", reenter: true } } },
        away: { on: { ACTIVITY: "active" } },
      },
    },
    chat: {
      initial: "closed",
      states: {
        closed: { on: { CONNECT: "asking" } },
        asking: { after: { answer: "waiting" }, on: { TOKEN: "opening", DISCONNECT: "closing" } },
        opening: { after: { answer: "waiting" }, on: { OPENED: "open", DISCONNECT: "closing" } },
        open: {
          initial: "heard",
          on: { ALIVE: ".heard", LOST: "waiting", DISCONNECT: "closing" },
          states: { heard: { after: { interval: "asked" } }, asked: { after: { answer: "#(machine).chat.waiting" } } },
        },
        waiting: { after: { retry: "asking" }, on: { DISCONNECT: "closed" } },
        closing: { on: { CLOSED: "closed" } },
      },
    },
  },
});
