"use client";
import { createContext, useCallback, useContext } from "react";
// By its own name, so that the bundler's conditions choose the entry that works there.
import { INITIAL_SNAPSHOT, StreamkeeperError, type ConnectionManager, type Snapshot } from "streamkeeper";

/** What the provider has for those below it; the snapshot counts until there is a manager. */
export type Provided = { manager: ConnectionManager | null; snapshot: Snapshot };

export const LOADING: Provided = { manager: null, snapshot: INITIAL_SNAPSHOT };

export const Context = createContext<Provided>(LOADING);

/** The manager; `null` while it loads, on a server, and where it is unavailable. */
export function useStreamkeeper(): ConnectionManager | null {
  return useContext(Context).manager;
}

/** For a call that needs the manager: rejects, and says why, while there is none. */
export function useManager(): () => Promise<ConnectionManager> {
  const { manager, snapshot } = useContext(Context);
  const { phase } = snapshot;
  return useCallback(async () => {
    if (manager) return manager;
    if (phase === "unavailable") throw new StreamkeeperError("unavailable", "Streamkeeper could not be started");
    throw new StreamkeeperError("not_initialised", "Streamkeeper is still being loaded, or StreamkeeperProvider is missing");
  }, [manager, phase]);
}

/** For a store that is not there yet. */
export function subscribeToNothing(): () => void {
  return () => {};
}
