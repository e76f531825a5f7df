import type { Snapshot, StreamState } from "streamkeeper";
import { CHAT_REASONS, reasonInWords, STATUSES } from "../words";
import type { Kind, Lane, State } from "./lanes";
import type { Change } from "./turns";
import type { NewEntry } from "./useTimeline";

/** The lanes that say how something stands. The other one has calls, which come and go. */
export type StateLane = Exclude<Lane, "calls">;
export type States = Record<StateLane, State | null>;

/** How everything stands, by the manager's snapshot, and by how many ends are in the outbox. */
export function statesOf(snapshot: Snapshot, streamId: string | null, inOutbox: number): States {
  const { presence, chat, streams, events, pendingEnds } = snapshot;
  return {
    activity: activityOf(presence),
    page: pageOf(presence),
    network: presence.online
      ? { word: "online", kind: "call" }
      : { word: "away", kind: "bad", because: "What is to be sent waits until it is back." },
    chat: chatOf(chat),
    stream: streamOf(streamId === null ? undefined : streams[streamId]),
    outbox: outboxOf(inOutbox, pendingEnds),
    event: eventOf(Object.values(events)),
  };
}

/** The stream that its lane is about: the one before, until the page is live with another one. */
export function streamShown({ streams }: Snapshot, before: string | null): string | null {
  const hosted = Object.entries(streams).filter(([, { role }]) => role === "host");
  const open = hosted.find(([, { status }]) => status !== "ended");
  return open?.[0] ?? before ?? hosted[0]?.[0] ?? null;
}

function activityOf({ active, idlePromptUntil }: Snapshot["presence"]): State {
  if (!active) return { word: "away", kind: "seen", because: "Nobody has done anything for a while." };
  if (idlePromptUntil !== null) return { word: "asked", kind: "page", because: "Nobody does anything: the page asks." };
  return { word: "here", kind: "call" };
}

function pageOf({ visible, frozen }: Snapshot["presence"]): State {
  if (frozen) return { word: "frozen", kind: "page", because: "The browser has put the page to sleep." };
  if (visible) return { word: "in sight", kind: "call" };
  return { word: "out of sight", kind: "seen", because: "Another tab is in front, or the window is hidden." };
}

const CHAT_KINDS: Record<Snapshot["chat"]["status"], Kind> = {
  connected: "good",
  connecting: "page",
  reconnecting: "page",
  closing: "seen",
  disconnected: "seen",
};

function chatOf({ status, reason, lastError, generation }: Snapshot["chat"]): State | null {
  // Nobody has wanted it so far.
  if (generation === 0 && status === "disconnected") return null;
  const because = reason ? `It was let go of: ${CHAT_REASONS[reason]}.` : undefined;
  return { word: status, kind: status === "disconnected" && lastError ? "bad" : CHAT_KINDS[status], because, name: reason ?? undefined };
}

const STREAM_KINDS: Record<StreamState["status"], Kind> = {
  live: "good",
  leaving: "page",
  ending: "page",
  ended: "seen",
  failed: "bad",
};

function streamOf(stream: StreamState | undefined): State | null {
  if (!stream) return null;
  const { status, reason } = stream;
  const because = reason ? `${STATUSES[status]} Because ${reasonInWords(reason)}.` : STATUSES[status];
  return { word: status, kind: STREAM_KINDS[status], because, name: reason ?? undefined };
}

function outboxOf(inOutbox: number, owed: number): State | null {
  if (owed > 0) return { word: `${owed} owed`, kind: "page", because: "It could not be delivered so far, and is tried again." };
  if (inOutbox > 0) return { word: "written down", kind: "call", because: "In this browser, before the first byte was sent." };
  return null;
}

function eventOf(events: Snapshot["events"][string][]): State | null {
  const event = events.at(-1);
  if (!event) return null;
  const { status, viewers } = event;
  if (status !== "open") return { word: status, kind: status === "connecting" ? "page" : "seen" };
  return { word: viewers === 1 ? "1 viewer" : `${viewers ?? "some"} viewers`, kind: "good" };
}

/** A change that nothing else tells of, for the list; `null`: that is told, or can be seen. */
export function turnInWords({ lane, before, state }: Change): NewEntry | null {
  const words = changeInWords(lane, before, state);
  return words ? { lane, kind: state?.kind ?? "seen", words } : null;
}

function changeInWords(lane: StateLane, before: State | null, state: State | null): string | null {
  switch (lane) {
    case "activity":
      return state?.word === "here" ? "You are back." : (state?.because ?? null);
    case "page":
      return state?.word === "in sight" ? "The page is in sight again." : (state?.because ?? null);
    case "outbox":
      if (state?.kind === "page") return `The outbox: ${state.word}. ${state.because}`;
      return before?.kind === "page" && !state ? "Nothing is owed any more." : null;
    default:
      return null;
  }
}
