import type { EventState } from "streamkeeper";
import type { EventRow, Notice } from "./api";

/** Events and their notices, for people. */

export const AT_EVENT: Record<EventState["status"] | "off", string> = {
  off: "This page is not there.",
  connecting: "This page is on its way.",
  open: "This page is there, by one socket to the gateway.",
  ended: "The event is over.",
  refused: "This page may not watch it, or there is no such event.",
};

const ENDED_BY: Record<string, string> = {
  absence: "Nobody was there for its grace. Whoever comes next begins it anew.",
  call: "Its host has ended it.",
  schedule: "It was to end by now.",
  stream: "Its stream is over.",
  successor: "Its stream has another event now.",
};

export function statusInWords({ status, ended_by, stream_id, viewers_gone_since, empty_since }: EventRow): string {
  if (status === "ended") return ENDED_BY[ended_by ?? ""] ?? "It is over.";
  if (status === "scheduled") return "It begins when somebody comes.";
  if (empty_since !== null) return "Nobody is there any more.";
  if (viewers_gone_since === null) return "Somebody watches.";
  return stream_id === null
    ? "Nobody watches, but its host is there."
    : "Nobody watches. As long as its stream is live, its host is there.";
}

export function noticeInWords({ state, attempts, recipient, last_error }: Notice): string {
  switch (state) {
    case "sent":
      return `Sent to ${recipient}, at attempt ${attempts}.`;
    case "suppressed":
      return `Not sent: ${last_error}.`;
    case "failed":
      return `Given up after ${attempts} attempts: ${last_error}.`;
    case "batched":
      return "Waits for the others that the host wants to have together.";
    default:
      return last_error ? `Tried again after attempt ${attempts}: ${last_error}.` : "On its way.";
  }
}
