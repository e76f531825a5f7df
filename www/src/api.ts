import { accessTokenOf, type AccessToken } from "./accessToken";

/** The demo's own endpoints: what a real app has its backend and its sign-in for. */

export interface Session {
  user: string;
  anonKey: string;
  /** Tokens are kept there and nowhere else: after a reload there is another one. */
  accessToken: AccessToken;
}

/** A stream's row of `livestreams`, as the database has it. */
export interface Row {
  id: string;
  streamer_id: string;
  title: string | null;
  status: "scheduled" | "live" | "ended";
  started_at: string | null;
  ended_at: string | null;
  end_reason: string | null;
}

/** One call of `end_stream_comprehensive` that reached the database. */
export interface EndAttempt {
  id: number;
  attempt: number;
  reason: string | null;
  outcome: "ended" | "already_ended" | "not_found";
  at: string;
}

/** One page that holds the stream. */
export interface Lease {
  holder: string;
  lease_until: string;
  lease_seconds: number;
}

/** A room's row of `live_rooms`. */
export interface RoomRow {
  status: "idle" | "scheduled" | "lobby" | "live";
  current_session_id: string | null;
  host_present: boolean;
}

/** One time that somebody was in a session of it. */
export interface Visit {
  id: number;
  user_id: string;
  joined_at: string;
  left_at: string | null;
}

export interface RecordedRoom {
  row: RoomRow | null;
  attendance: Visit[];
}

export interface Recorded {
  row: Row | null;
  leases: Lease[];
  end_attempts: EndAttempt[];
}

export async function signIn(user: string): Promise<Session> {
  const [{ anon_key }, accessToken] = await Promise.all([ask<{ anon_key: string }>("/demo/config"), accessTokenOf(user)]);
  return { user, anonKey: anon_key, accessToken };
}

/** As an identity provider would sign it. */
export async function token(user: string, lifetime?: number): Promise<string> {
  const asked = { user_id: user, role: "authenticated", lifetime_seconds: lifetime };
  const { access_token } = await ask<{ access_token: string }>("/demo/token", asked);
  return access_token;
}

export function readStream(streamId: string, signal: AbortSignal): Promise<Recorded> {
  return ask(`/demo/streams/${streamId}`, undefined, signal);
}

export function readRoom(roomId: string, signal: AbortSignal): Promise<RecordedRoom> {
  return ask(`/demo/rooms/${roomId}`, undefined, signal);
}

/** Has the gateway answer the next calls of any of these functions with these statuses, one after the other; none: as usual. */
export function failCalls(functions: string[], statuses: number[]): Promise<unknown> {
  return ask("/demo/faults", { functions, statuses });
}

/** Has somebody's room say that something is on in it, which is not so. */
export function stickRoom(user: string): Promise<unknown> {
  return ask("/demo/stuck-room", { user_id: user });
}

/** Has the media server say that the meeting of a stream is over. */
export function destroyMeeting(streamId: string): Promise<unknown> {
  return ask(`/demo/meetings/${streamId}/destroyed`, {});
}

/** The caller is in a session for 90 s from now on. */
export function joinSession(sessionId: string, token: AccessToken): Promise<{ joined_at: string }> {
  return callAs(token, "live_room_join", { p_session_id: sessionId });
}

export function leaveSession(sessionId: string, token: AccessToken): Promise<unknown> {
  return callAs(token, "live_room_leave", { p_session_id: sessionId });
}

/** A token for chat, as an app's backend would sign it. */
export async function chatToken(user: string): Promise<string> {
  const { token } = await ask<{ token: string }>("/demo/chat/token", { user_id: user });
  return token;
}

/** What the chat service counted of somebody's sockets; `peak`: the most at one time. */
export interface Sockets {
  open: number;
  opened: number;
  peak: number;
}

export async function readSockets(user: string, signal: AbortSignal): Promise<Sockets> {
  const { by_user } = await ask<{ by_user: Record<string, Sockets> }>("/demo/chat/state", undefined, signal);
  return by_user[user] ?? { open: 0, opened: 0, peak: 0 };
}

/** Has the chat service do these to somebody, one after the other. */
export async function breakChat(user: string, ...faults: string[]): Promise<void> {
  for (const fault of faults) await ask("/demo/chat/faults", { fault, user_id: user });
}

/** One event that the chat service's webhook has told the gateway of. */
export interface ChatLog {
  id: number;
  type: string;
  user_id: string | null;
  text: string | null;
  received_at: string;
}

/** A look at the chats of all: what only an admin's token opens. */
export async function openChatLogs(): Promise<(signal: AbortSignal) => Promise<ChatLog[]>> {
  const { access_token } = await ask<{ access_token: string }>("/demo/token", { user_id: "admin", role: "admin" });
  return (signal) => callAs(() => access_token, "list_chat_logs", { p_limit: 20 }, signal);
}

export async function callAs<T>(token: AccessToken, name: string, args: object, signal?: AbortSignal): Promise<T> {
  return ask(`/rest/v1/rpc/${name}`, args, signal, { authorization: `Bearer ${await token()}` });
}

export async function ask<T>(path: string, body?: object, signal?: AbortSignal, headers?: Record<string, string>): Promise<T> {
  const response = await fetch(path, {
    cache: "no-store",
    ...(body && { method: "POST", body: JSON.stringify(body) }),
    headers: { ...(body && { "content-type": "application/json" }), ...headers },
    ...(signal && { signal }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
  return (text === "" ? null : JSON.parse(text)) as T;
}
