import type { ErrorCode, Reason, Snapshot, StreamState, StreamStatus } from "streamkeeper";

/** What is said of the connection: each status, each reason for it, and the rest. */
export interface ConnectionWords extends Record<Snapshot["chat"]["status"] | Reason, string> {
  /** There is no manager here: WebAssembly is blocked, or it has crashed. */
  unavailable: string;
  reconnect: string;
  /** When it is tried again. */
  nextTry: (at: Date) => string;
  /** When somebody was last active. */
  lastActivity: (at: Date) => string;
}

/** What somebody is asked who has not done anything for a while. */
export interface IdleWords {
  question: string;
  /** What happens then, if nobody answers. */
  consequence: (at: Date) => string;
  answer: string;
}

/** What is said of streams that somebody ends by hand: each status, and the rest. */
export interface EndWords extends Record<StreamState["status"] | StreamStatus["status"], string> {
  heading: string;
  nothing: string;
  unknown: string;
  check: string;
  end: string;
  again: string;
  other: string;
  /** So many ends have not been delivered yet. */
  owed: (count: number) => string;
  retry: string;
  endAll: string;
  sure: string;
  cancel: string;
  /** So many were ended. */
  endedAll: (count: number) => string;
  /** What has gone wrong. `message` is in English, and the backend's own where there is no code. */
  problem: (message: string, code?: ErrorCode) => string;
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

export const END_WORDS: EndWords = {
  heading: "End streams",
  nothing: "This page has no stream.",
  unknown: "Not asked yet",

  scheduled: "Scheduled",
  live: "Live",
  leaving: "Leaving…",
  ending: "Ending…",
  ended: "Ended",
  failed: "Not ended yet",

  check: "Check status",
  end: "End",
  again: "Try again",
  other: "Another stream’s id",
  owed: (count) => (count === 1 ? "One end has not been delivered yet." : `${count} ends have not been delivered yet.`),
  retry: "Try now",
  endAll: "End all streams",
  sure: "Yes, end everybody’s streams",
  cancel: "No",
  endedAll: (count) => (count === 1 ? "One stream was ended." : `${count} streams were ended.`),
  problem: (message) => message,
};

export const IDLE_WORDS: IdleWords = {
  question: "Are you still there?",
  consequence: (at) => `Chat disconnects at ${time(at, "medium")}.`,
  answer: "I’m still here",
};

function time(at: Date, timeStyle: "short" | "medium"): string {
  return at.toLocaleTimeString(undefined, { timeStyle });
}
