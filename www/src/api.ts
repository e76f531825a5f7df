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

async function ask<T>(path: string, body?: object, signal?: AbortSignal): Promise<T> {
  const response = await fetch(path, {
    cache: "no-store",
    ...(body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    ...(signal && { signal }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
  return (text === "" ? null : JSON.parse(text)) as T;
}
