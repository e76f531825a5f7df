"use client";
import { useCallback, useEffect } from "react";
import type { EventState, Snapshot } from "streamkeeper";
import { attemptEffect } from "./attempt.js";
import { useStreamkeeper } from "./context.js";
import { useSnapshot } from "./use-snapshot.js";

/** Watches an event while the component is mounted: this page counts as a viewer. `null`: it does not watch yet. */
export function useEvent(eventId: string | null | undefined): EventState | null {
  const manager = useStreamkeeper();
  useEffect(() => {
    if (!manager || !eventId) return;
    return attemptEffect(() => manager.watchEvent(eventId).leave);
  }, [manager, eventId]);
  const key = eventId?.toLowerCase() ?? "";
  return useSnapshot(useCallback((snapshot: Snapshot) => snapshot.events[key] ?? null, [key]));
}
