import { useCallback, useEffect, useState } from "react";
import type { AccessToken } from "../accessToken";
import { joinSession, leaveSession } from "../api";
import { atReload } from "../atReload";

/** A third of the time for which one counts as there. */
const AGAIN = 30_000;

const watchedAtReload = atReload("watched");

export interface WatchingState {
  /** The session that is watched. */
  watchedId: string | null;
  /** Since when, as the database has it. */
  joinedAt: string | null;
  error: string | null;
  watch: (sessionId: string) => void;
  leave: () => void;
}

/** Somebody's seat in one session at a time: taken, kept over a reload, and given back. */
export function useWatching(token: AccessToken): WatchingState {
  const [watchedId, setWatchedId] = useState(watchedAtReload.read);
  const [joinedAt, setJoinedAt] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);

  useEffect(() => {
    watchedAtReload.write(watchedId);
    if (watchedId === null) return;
    let current = true;
    const join = () =>
      joinSession(watchedId, token).then(
        ({ joined_at }) => {
          if (!current) return;
          setJoinedAt(joined_at);
          setError(null);
        },
        (error: unknown) => {
          if (current) setError(error instanceof Error ? error.message : String(error));
        },
      );
    void join();
    const timer = setInterval(join, AGAIN);
    return () => {
      current = false;
      clearInterval(timer);
      setJoinedAt(null);
      setError(null);
    };
  }, [watchedId, token]);

  const change = useCallback(
    (to: string | null) => {
      // Should it get lost, the database waits in vain for a word, and comes to the same.
      if (watchedId !== null) void leaveSession(watchedId, token).catch(() => {});
      setWatchedId(to);
    },
    [watchedId, token],
  );
  return { watchedId, joinedAt, error, watch: change, leave: useCallback(() => change(null), [change]) };
}
