import type { Events, Reason, Snapshot, StreamState } from "streamkeeper";
import type { NewEntry } from "./timeline/useTimeline";

/** The manager's terms, for people. */

export const PHASES: Record<Snapshot["phase"], string> = {
  loading: "Getting ready.",
  ready: "Go live to open your room.",
  unavailable: "WebAssembly is blocked here: there is no manager.",
  crashed: "Streamkeeper has crashed; the page goes on without it.",
  disposed: "The manager has been disposed of.",
};

export const STATUSES: Record<StreamState["status"], string> = {
  live: "You are on air. Close the meeting, or end the room, to end the stream.",
  leaving: "You are out of the meeting. Unless you come back in time, the stream ends.",
  ending: "The stream is being ended.",
  ended: "The stream has ended, once.",
  failed: "The stream could not be ended.",
};

const REASONS: Record<string, string> = {
  started: "you went live",
  "going live": "you went live",
  attached: "the page has its meeting",
  detached: "the page let go of its meeting",
  requested: "you asked for it",
  room_ended: "you ended the room",
  taken_over: "it was taken over",
  sign_out: "you signed out",
  page_hidden: "the page went away",
  ended_elsewhere: "it was ended elsewhere",
  videoConferenceJoined: "you joined the meeting",
  videoConferenceLeft: "you left the meeting",
  readyToClose: "the meeting was closed",
  hangup: "the call was hung up",
  conferenceTerminated: "the conference was terminated",
  participantLeft: "somebody else left",
  participantKickedOut: "you were kicked out",
  errorOccurred: "Jitsi reported an error",
  "conference.destroyed": "the conference was destroyed for all",
};

/** What the manager made of it, by its own message. */
const CONSEQUENCES: Record<string, string> = {
  joined: "",
  live: "The stream has its row.",
  attached: "Its events are heard from now on.",
  over: "The stream is over: it is being ended.",
  absorbed: "That changes nothing.",
  leaving: "If it was for good, the stream ends after a grace.",
  "back before its grace was over": "In time: the stream stays live.",
  "a leave may take longer": "It reloads itself: for a minute, a leave is not an end.",
  "asked to end": "The stream is being ended.",
  "asked to end, which is under way": "The stream is already being ended.",
  "somebody else left": "That ends nothing.",
};

export const CHAT_REASONS: Record<Reason, string> = {
  sign_out: "you signed out",
  switched_user: "somebody else has signed in",
  inactive: "nobody has done anything for a while",
  hidden: "nobody can see the page",
  offline: "there is no network",
  page_hidden: "the page was left",
  frozen: "the browser has put the page to sleep",
  lost: "the socket was lost",
  unhealthy: "nothing came out of the socket any more",
  token: "the token was not good",
  refused: "the service has refused it",
  forced: "a new connection was asked for",
  disposed: "the manager was disposed of",
};

/** A step of the chat connection; `null`: the step before has said it. */
export function chatInWords({ status, reason, nextRetryAt, lastError }: Events["status"]): NewEntry | null {
  const lane = "chat";
  switch (status) {
    case "connected":
      return { lane, kind: "good", words: "Chat is connected." };
    case "connecting":
      return { lane, kind: "seen", words: "Chat is being connected." };
    case "reconnecting":
      if (nextRetryAt === null) return { lane, kind: "seen", words: "Chat is being connected again." };
      return { lane, kind: "seen", words: `Chat is tried again at ${clock(new Date(nextRetryAt))}.` };
    case "closing": {
      const because = reason ? `: ${CHAT_REASONS[reason]}` : "";
      return { lane, kind: lastError ? "bad" : "seen", words: `Chat is let go of${because}.`, name: reason ?? undefined };
    }
    case "disconnected":
      return null;
  }
}

export function reasonInWords(reason: string): string {
  return REASONS[reason] ?? "something new happened";
}

export function logInWords({ level, message, data }: Events["log"]): NewEntry {
  const { detail, streamId } = (data ?? {}) as { detail?: string; streamId?: string };
  const reason = detail && REASONS[detail];
  const lane = streamId ? "stream" : data ? "chat" : "outbox";
  const kind = level === "error" || level === "warn" ? "bad" : "seen";
  if (!reason) return { lane, kind, words: sentence(message) };
  const consequence = CONSEQUENCES[message] ?? sentence(message);
  return { lane, kind, words: `${sentence(reason)} ${consequence}`.trim(), name: detail };
}

export function attemptInWords({ attempt, ok, status, error }: Events["endAttempt"]): NewEntry {
  if (ok) return { lane: "calls", kind: "call", words: `End call ${attempt} was answered: ${status?.replace("_", " ")}.` };
  return { lane: "calls", kind: "bad", words: `End call ${attempt} did not succeed: ${error}.` };
}

export function endInWords({ reason, elsewhere }: Events["end"]): NewEntry {
  const words = elsewhere ? "The stream had been ended elsewhere." : "The stream has ended, once.";
  return { lane: "stream", kind: "good", words, name: reason ?? undefined };
}

/** A time of day, to the millisecond. */
export function clock(time: Date | string): string;
export function clock(time: Date | string | null): string | null;
export function clock(time: Date | string | null): string | null {
  if (time === null) return null;
  const at = new Date(time);
  const part = (number: number, digits: number) => String(number).padStart(digits, "0");
  const day = [at.getHours(), at.getMinutes(), at.getSeconds()].map((number) => part(number, 2)).join(":");
  return `${day}.${part(at.getMilliseconds(), 3)}`;
}

function sentence(words: string): string {
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}.`;
}
