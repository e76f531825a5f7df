"use client";
import { useCallback } from "react";
import { useManager } from "./context.js";

/** Connects again if need be; `force`: closes the client, however well it is, and makes a new one. */
export type Reconnect = (options?: { force?: boolean }) => Promise<unknown>;

/** `reconnect` of the manager that there will be when it is called. */
export function useReconnect(): Reconnect {
  const manager = useManager();
  // Nothing but `force` is passed on: it may be a click's event that comes with `onClick={reconnect}`.
  return useCallback<Reconnect>(
    async ({ force } = {}) => (await manager()).reconnect({ force: force === true }),
    [manager],
  );
}
