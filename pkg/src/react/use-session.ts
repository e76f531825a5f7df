"use client";
import { useEffect, useRef } from "react";
import type { StreamSession } from "streamkeeper";
import { attemptEffect } from "./attempt.js";
import { useStreamkeeper } from "./context.js";

/**
 * Keeps something registered while the component is mounted: when its stream is over, it is stopped. `null`: there is nothing
 * yet. The functions of the last render are the ones that are called.
 */
export function useSession(session: StreamSession | null | undefined): void {
  const manager = useStreamkeeper();
  const latest = useRef(session);
  useEffect(() => {
    if (session) latest.current = session;
  });
  const { key, kind, isOpen } = session ?? {};
  const canBeAsked = isOpen !== undefined;
  useEffect(() => {
    if (!manager || key === undefined || kind === undefined) return;
    const asked = { isOpen: () => latest.current?.isOpen?.() === true };
    return attemptEffect(() =>
      manager.registerSession({ key, kind, stop: () => latest.current?.stop(), ...(canBeAsked ? asked : {}) }),
    );
  }, [manager, key, kind, canBeAsked]);
}
