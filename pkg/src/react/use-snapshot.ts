"use client";
import { useContext, useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { INITIAL_SNAPSHOT, type Snapshot } from "streamkeeper";
import { isLiteral } from "../snapshot.js";
import { Context, subscribeToNothing } from "./context.js";

/** The snapshot, or what `selector` takes of it. Re-renders only when that changes. */
export function useSnapshot(): Snapshot;
export function useSnapshot<T>(selector: (snapshot: Snapshot) => T): T;
export function useSnapshot<T>(selector?: (snapshot: Snapshot) => T): T | Snapshot {
  const { manager, snapshot } = useContext(Context);
  const last = useRef<T | Snapshot>(undefined);
  const get = useMemo(() => {
    const source = manager ? manager.getSnapshot : () => snapshot;
    let from: Snapshot | undefined;
    let selected: T | Snapshot;
    return () => {
      const now = source();
      if (now !== from) {
        from = now;
        const next = selector ? selector(now) : now;
        selected = isSame(last.current, next) ? last.current! : next;
      }
      return selected;
    };
  }, [manager, snapshot, selector]);
  // What a server has rendered, and hydration therefore has to begin with.
  const getInitial = useMemo(() => {
    const initial = selector ? selector(INITIAL_SNAPSHOT) : INITIAL_SNAPSHOT;
    return () => initial;
  }, [selector]);
  const selected = useSyncExternalStore(manager?.subscribe ?? subscribeToNothing, get, getInitial);
  useEffect(() => {
    last.current = selected;
  });
  return selected;
}

/** Equal, or two literals of equal members: a selector may well make a new one each time. */
function isSame(last: unknown, next: unknown): boolean {
  if (Object.is(last, next)) return true;
  if (!isLiteral(last) || !isLiteral(next) || Array.isArray(last) !== Array.isArray(next)) return false;
  const [before, after] = [Object.entries(last), Object.entries(next)];
  if (before.length !== after.length) return false;
  return after.every(([key, value]) => Object.is((last as Record<string, unknown>)[key], value));
}
