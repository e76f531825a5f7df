import { useEffect, useState } from "react";

const EVERY = 1_000;

/** What `read` gives, again every second and whenever it is another function; `null` reads nothing. */
export function usePolling<T>(read: ((signal: AbortSignal) => Promise<T>) | null): T | null {
  const [found, setFound] = useState<T | null>(null);
  useEffect(() => {
    if (!read) return;
    const stop = new AbortController();
    const again = () =>
      read(stop.signal).then(setFound, () => {
        // Unreachable or aborted: what was read last stays, and the next turn tries again.
      });
    void again();
    const timer = setInterval(again, EVERY);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, [read]);
  return found;
}
