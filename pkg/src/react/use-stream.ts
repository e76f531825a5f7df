"use client";
import { useCallback, useMemo } from "react";
import type { EndResult, Snapshot, StreamState, StreamStatus } from "streamkeeper";
import { useManager } from "./context.js";
import { useSnapshot } from "./use-snapshot.js";

/** What this page knows of a stream (`null`: nothing yet), and what can be done with it. */
export function useStream(streamId: string | null | undefined): {
  stream: StreamState | null;
  /** Ends it; rejects with a `StreamkeeperError`. */
  end: (reason?: string) => Promise<EndResult>;
  /** Asks the database; rejects with a `StreamkeeperError`. */
  checkStatus: () => Promise<StreamStatus>;
} {
  const manager = useManager();
  const key = streamId?.toLowerCase() ?? "";
  const stream = useSnapshot(useCallback((snapshot: Snapshot) => snapshot.streams[key] ?? null, [key]));
  // The same functions however the stream is, for effects that depend on them.
  const actions = useMemo(
    () => ({
      end: async (reason?: string) => (await manager()).endStreamById(streamId ?? "", reason),
      checkStatus: async () => (await manager()).getStreamStatus(streamId ?? ""),
    }),
    [manager, streamId],
  );
  return useMemo(() => ({ stream, ...actions }), [stream, actions]);
}
