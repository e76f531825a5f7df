import type { OpenSessions, Snapshot, SyncReport } from "./types.js";

/** A session as the WASM knows it; `sessions` in `src/engine/sessions.rs`. */
export interface Row {
  session: number | null;
  key: string;
  kind: string;
  open: boolean;
  state: "opening" | "open" | "over" | "stopping";
}

interface Kind {
  open: string[];
  orphaned: string[];
  missing: string[];
}

/** The seed's shape. `looked`: which of the app's sessions are open now, by number; the others are as the WASM believes. */
export function reportOf(streams: Snapshot["streams"], rows: Row[], looked: Record<number, boolean>): SyncReport {
  const [hls, ts, others] = [none(), none(), new Map<string, Kind>()];
  const kindOf = (name: string): Kind => {
    if (name === "hls") return hls;
    if (name === "ts") return ts;
    const kind = others.get(name) ?? none();
    others.set(name, kind);
    return kind;
  };
  for (const { session, key, kind: name, open, state } of rows) {
    const kind = kindOf(name);
    if (!((session === null ? undefined : looked[session]) ?? open)) {
      if (state === "open") kind.missing.push(key);
      continue;
    }
    kind.open.push(key);
    if (state === "over") kind.orphaned.push(key);
  }
  // One that has taken its place is there.
  for (const kind of [hls, ts]) kind.missing = kind.missing.filter((key) => !kind.open.includes(key));
  const live = Object.keys(streams).filter((id) => streams[id]!.status !== "ended");
  return {
    state: { stream_count: live.length, stream_keys: live.sort() },
    ts_proxy: sessionsOf(ts),
    hls_proxy: sessionsOf(hls),
    discrepancies: {
      orphaned_ts_sessions: keysOf(ts.orphaned),
      orphaned_hls_sessions: keysOf(hls.orphaned),
      missing_ts_sessions: keysOf(ts.missing),
      missing_hls_sessions: keysOf(hls.missing),
      has_issues:
        [hls, ts].some(({ missing }) => missing.length > 0) ||
        [hls, ts, ...others.values()].some(({ orphaned }) => orphaned.length > 0),
      other: mapOf(others, ({ orphaned }) => ({ orphaned: keysOf(orphaned) })),
    },
    sessions: mapOf(others, sessionsOf),
  };
}

const none = (): Kind => ({ open: [], orphaned: [], missing: [] });

/** Each once, and in order. */
const keysOf = (keys: string[]): string[] => [...new Set(keys)].sort();

const sessionsOf = ({ open }: Kind): OpenSessions => ({ session_count: open.length, session_keys: keysOf(open) });

const mapOf = <T>(kinds: Map<string, Kind>, map: (kind: Kind) => T): Record<string, T> =>
  Object.fromEntries([...kinds].map(([name, kind]) => [name, map(kind)]));
