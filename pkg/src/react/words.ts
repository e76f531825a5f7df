import type { Reason, Snapshot } from "streamkeeper";

/** What is said of the connection: each status, each reason for it, and the rest. */
export interface ConnectionWords extends Record<Snapshot["chat"]["status"] | Reason, string> {
  /** There is no manager here: WebAssembly is blocked, or it has crashed. */
  unavailable: string;
  reconnect: string;
  nextTry: (at: Date) => string;
  lastActivity: (at: Date) => string;
}

/** What somebody is asked who has not done anything for a while. */
export interface IdleWords {
  question: string;
  consequence: (at: Date) => string;
  answer: string;
}

export const CONNECTION_WORDS: ConnectionWords = {
  disconnected: "Not connected",
  connecting: "Connecting…",
  connected: "Connected",
  reconnecting: "Reconnecting…",
  closing: "Disconnecting…",
  unavailable: "Not available",

  sign_out: "you have signed out",
  switched_user: "somebody else has signed in",
  inactive: "you were away",
  hidden: "the page was not in view",
  offline: "there is no network",
  page_hidden: "the page was left",
  frozen: "the browser had put the page to sleep",
  lost: "the connection was lost",
  unhealthy: "the server did not answer",
  token: "your sign-in could not be renewed",
  refused: "the server has refused it",
  forced: "a new connection was asked for",
  disposed: "the page has ended it",

  reconnect: "Reconnect",
  nextTry: (at) => `The next try is at ${time(at, "medium")}.`,
  lastActivity: (at) => `Last active at ${time(at, "short")}`,
};

export const IDLE_WORDS: IdleWords = {
  question: "Are you still there?",
  consequence: (at) => `Chat disconnects at ${time(at, "medium")}.`,
  answer: "I’m still here",
};

function time(at: Date, timeStyle: "short" | "medium"): string {
  return at.toLocaleTimeString(undefined, { timeStyle });
}
