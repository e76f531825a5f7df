/** The demo's own endpoints: what a real app has its backend and its sign-in for. */

export interface Session {
  user: string;
  anonKey: string;
  /** Kept here and nowhere else: a reload signs out. */
  token: string;
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

export interface Recorded {
  row: Row | null;
  leases: Lease[];
  end_attempts: EndAttempt[];
}

export async function signIn(user: string): Promise<Session> {
  const [{ anon_key }, { access_token }] = await Promise.all([
    ask<{ anon_key: string }>("/demo/config"),
    ask<{ access_token: string }>("/demo/token", { user_id: user, role: "authenticated" }),
  ]);
  return { user, anonKey: anon_key, token: access_token };
}

export function readStream(streamId: string, signal: AbortSignal): Promise<Recorded> {
  return ask(`/demo/streams/${streamId}`, undefined, signal);
}

/** Has the gateway answer the next calls that end a stream with these statuses; none: as usual. */
export function failEndCalls(statuses: number[]): Promise<unknown> {
  return ask("/demo/faults", { function: "end_stream_comprehensive", statuses });
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
  const headers = { authorization: `Bearer ${access_token}` };
  return (signal) => ask("/rest/v1/rpc/list_chat_logs", { p_limit: 20 }, signal, headers);
}

async function ask<T>(path: string, body?: object, signal?: AbortSignal, headers?: Record<string, string>): Promise<T> {
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
