/** What the gateway reports, and how it is asked. */

export interface LiveStream {
  stream_id: string;
  title: string | null;
  streamer_id: string;
  started_at: string;
  duration_seconds: number;
  /** Until when somebody holds it; `null`: nobody ever did. */
  held_until: string | null;
}

export interface Ends {
  day: string;
  attempts: number;
  ended: number;
  already_ended: number;
  held_elsewhere: number;
  not_found: number;
  lost: number;
  retries: number;
  by_deadline: number;
  success_rate: number | null;
}

export interface Report {
  checked_at: string;
  streams: { live: number; list: LiveStream[] };
  orphans: { stream_id: string; streamer_id: string; since: string; reason: string }[];
  /** Two weeks, the last is today. */
  ends: Ends[];
  /** Of the last 24 hours. */
  chat: {
    connections: number;
    open_now: number;
    peak_concurrent: number;
    peak_at: string | null;
    peak_hours: { hour: number; connections: number; peak_concurrent: number }[];
    insights: { level: string; code: string; message: string }[];
  };
  viewers: { viewers: number; users: number; events: number };
  rooms: { rooms: number; live_sessions: number; scheduled_sessions: number; stuck: number };
  stuck_rooms: { room_id: string; status: string; why: string; since: string | null }[];
  notices: {
    states: { state: string; count: number; late: number; last_error: string | null }[];
    /** Two weeks: how many events ended on the day, and what became of the notices that were made on it. */
    days: { day: string; ended: number; sent: number; failed: number }[];
  };
  sweep: { last_at: string | null };
  nodes: { id: string; started_at: string; heartbeat_at: string }[];
}

export interface Sync {
  state: { stream_count: number };
  hls_proxy: { session_count: number };
  ts_proxy: { session_count: number };
  discrepancies: Record<string, string[] | boolean> & { has_issues: boolean };
}

/** The gateway wants an ADMIN_TOKEN, and this was none or another. */
export class Refused extends Error {}

async function ask<T>(path: string, token: string | null, signal: AbortSignal): Promise<T> {
  const headers: HeadersInit = token === null ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(path, { headers, signal, cache: "no-store" });
  if (response.status === 401) throw new Refused("The gateway was started with another ADMIN_TOKEN.");
  if (response.status === 403) throw new Error("This gateway was started without an ADMIN_TOKEN: nobody may see this. Start it with one.");
  if (response.status === 503 || response.status === 504) throw new Error("The gateway does not reach its database.");
  if (!response.ok) throw new Error(`The gateway answers ${response.status}.`);
  return response.json();
}

export interface Findings {
  report: Report;
  /** `null`: the gateway could not say. */
  sync: Sync | null;
}

/** Everything of one moment. */
export async function read(token: string | null, signal: AbortSignal, repair = false): Promise<Findings> {
  const [report, sync] = await Promise.all([
    ask<Report>("/debug/report", token, signal),
    ask<Sync>(`/debug/sync-check${repair ? "?repair=1" : ""}`, token, signal).catch((error: unknown) => {
      if (error instanceof Refused) throw error;
      return null;
    }),
  ]);
  return { report, sync };
}
