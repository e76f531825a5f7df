import type { Snapshot, StreamState } from "streamkeeper";
import { CHAT_REASONS, reasonInWords, STATUSES } from "../words";
import type { Kind, Lane, State } from "./lanes";

/** The lanes that say how something stands. The other one has calls, which come and go. */
export type StateLane = Exclude<Lane, "calls">;
export type States = Record<StateLane, State | null>;

/** How everything stands, by the manager's snapshot. */
export function statesOf(snapshot: Snapshot, streamId: string | null): States {
  const { presence, chat, streams, events, pendingEnds } = snapshot;
  return {
    activity: activityOf(presence),
    page: pageOf(presence),
    network: presence.online
      ? { word: "online", kind: "call" }
      : { word: "away", kind: "bad", because: "What is to be sent waits until it is back." },
    chat: chatOf(chat),
    stream: streamOf(streamId === null ? undefined : streams[streamId]),
    outbox:
      pendingEnds === 0
        ? null
        : { word: `${pendingEnds} owed`, kind: "page", because: "Written down in this browser, and tried again until it is delivered." },
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

function eventOf(events: Snapshot["events"][string][]): State | null {
  const event = events.at(-1);
  if (!event) return null;
  const { status, viewers } = event;
  if (status !== "open") return { word: status, kind: status === "connecting" ? "page" : "seen" };
  return { word: viewers === 1 ? "1 viewer" : `${viewers ?? "some"} viewers`, kind: "good" };
}

/** A state that nothing else tells of, for the list; `null`: that is told, or can be seen. */
export function turnInWords(lane: StateLane, state: State | null): string | null {
  switch (lane) {
    case "activity":
      return state?.word === "here" ? "You are back." : (state?.because ?? null);
    case "page":
      return state?.word === "in sight" ? "The page is in sight again." : (state?.because ?? null);
    case "outbox":
      return state ? `The outbox: ${state.word}. ${state.because}` : "Nothing is owed any more.";
    default:
      return null;
  }
}
