import { useCallback, useEffect, useState } from "react";
import type { SyncReport } from "streamkeeper";
import { useStreamkeeper } from "streamkeeper/react";
import { usePolling } from "../usePolling";
import type { Operator } from "./api";

const EVERY = 500;

/** What the gateway finds, and what the page itself does. */
export function useSyncCheck(operator: Operator | null): { gateway: SyncReport | null; page: SyncReport | null } {
  const manager = useStreamkeeper();
  const [page, setPage] = useState<SyncReport | null>(null);
  const check = useCallback((signal: AbortSignal) => operator!.check(signal), [operator]);
  const gateway = usePolling(operator && check);
  useEffect(() => {
    if (!manager) return;
    const look = () => setPage(manager.syncCheck());
    look();
    const timer = setInterval(look, EVERY);
    const off = manager.subscribe(look);
    return () => {
      clearInterval(timer);
      off();
    };
  }, [manager]);
  return { gateway, page };
}
