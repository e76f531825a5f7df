import { useCallback, useEffect, useRef, useState } from "react";
import { read, Refused, type Findings } from "./report";

const EVERY = 10_000;

/** What is known, and what went wrong when it was asked for last. */
export interface Known {
  findings: Findings | null;
  error: string | null;
  /** A token is asked for. */
  isClosed: boolean;
  busy: boolean;
}

/** Asks now, every ten seconds while it may and somebody looks on, and on demand. The token is nowhere but here. */
export function useFindings(token: string | null) {
  const [known, setKnown] = useState<Known>({ findings: null, error: null, isClosed: false, busy: true });
  const asking = useRef<AbortController>(undefined);

  const refresh = useCallback(
    async (repair = false) => {
      asking.current?.abort();
      const stop = new AbortController();
      asking.current = stop;
      setKnown((before) => ({ ...before, busy: true }));
      try {
        const findings = await read(token, stop.signal, repair);
        setKnown({ findings, error: null, isClosed: false, busy: false });
      } catch (error) {
        if (stop.signal.aborted) return;
        const said = error instanceof TypeError ? "The gateway does not answer." : String((error as Error).message);
        const isClosed = error instanceof Refused;
        // What was seen last stays, unless it is not for this person.
        setKnown((before) => ({
          findings: isClosed ? null : before.findings,
          error: isClosed && token === null ? null : said,
          isClosed,
          busy: false,
        }));
      }
    },
    [token],
  );

  useEffect(() => {
    void refresh();
    return () => asking.current?.abort();
  }, [refresh]);
  useEffect(() => {
    // Without the token there is nothing to be had by asking again.
    if (known.isClosed) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") void refresh();
    }, EVERY);
    return () => clearInterval(timer);
  }, [refresh, known.isClosed]);
  return { ...known, refresh };
}
