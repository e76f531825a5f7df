import type { AccessToken } from "../accessToken";
import { ask, callAs } from "../api";

/** Short, for whoever looks on. In earnest it is 30. */
const GRACE_SECONDS = 8;

/** An event's row of `events`, as the database has it. */
export interface EventRow {
  id: string;
  host_user_id: string;
  stream_id: string | null;
  title: string;
  status: "scheduled" | "live" | "ended";
  /** Which live period it is, or was the last one. */
  generation: number;
  /** What ended it: after `absence` it begins anew for whoever comes. */
  ended_by: "absence" | "call" | "schedule" | "stream" | "successor" | null;
  started_at: string | null;
  ended_at: string | null;
  viewers_gone_since: string | null;
  empty_since: string | null;
  /** When it is over, or begins, unless something happens. */
  due_at: string | null;
  grace_seconds: number;
}

/** What became of what its host is told of one end. */
export interface Notice {
  generation: number;
  ended_by: string;
  state: "queued" | "sending" | "sent" | "failed" | "suppressed" | "batched";
  attempts: number;
  last_error: string | null;
  due_at: string;
  sent_at: string | null;
  recipient: string | null;
  message_id: string | null;
}

export interface RecordedEvent {
  row: EventRow | null;
  count: { viewers: number; users: number } | null;
  /** Newest first. */
  notices: Notice[];
}

export function readEvent(id: string, signal: AbortSignal): Promise<RecordedEvent> {
  return ask(`/demo/events/${id}`, undefined, signal);
}

/** An event of this user, who can be reached by mail from then on. With a stream, it is that stream's. */
export async function createEvent(user: string, token: AccessToken, streamId: string | null): Promise<string> {
  await ask("/demo/mailboxes", { user_id: user });
  const asked = { p_title: `${user}'s premiere`, p_stream_id: streamId, p_grace_seconds: GRACE_SECONDS };
  const { event_id } = await callAs<{ event_id: string }>(token, "create_event", asked);
  return event_id;
}

export function endEvent(id: string, token: AccessToken): Promise<unknown> {
  return callAs(token, "end_event", { p_event_id: id });
}

/** A mail as it was written. */
export async function readMail(messageId: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(`/demo/mails/${messageId}.eml`, { cache: "no-store", signal });
  if (!response.ok) throw new Error(`the mail could not be read: ${response.status}`);
  return response.text();
}
