import type { Snapshot } from "./types.js";

/** What there is to see before `init` and on a server. */
export const INITIAL_SNAPSHOT: Snapshot = share(undefined, {
  phase: "loading",
  chat: {
    status: "disconnected",
    reason: null,
    userId: null,
    attempt: 0,
    nextRetryAt: null,
    generation: 0,
    lastError: null,
  },
  presence: { active: true, lastActivityAt: 0, visible: true, online: true, frozen: false, idlePromptUntil: null },
  streams: {},
  rooms: {},
  listing: { status: "off", sessions: [], lastError: null },
  events: {},
  pendingEnds: 0,
});

/** `next`, frozen, with every part of `last` that is equal kept as it was: so that a component re-renders only for what it reads. */
export function share<T>(last: unknown, next: T): T {
  // What is not a literal belongs to somebody else and is left as it is.
  if (!isLiteral(next) || Object.isFrozen(next)) return next;
  const before = (typeof last === "object" && last !== null ? last : {}) as Record<string, unknown>;
  const after = next as Record<string, unknown>;
  const keys = Object.keys(after);
  let same = Array.isArray(last) === Array.isArray(next) && Object.keys(before).length === keys.length && last != null;
  for (const key of keys) {
    const had = Object.hasOwn(before, key) ? before[key] : undefined;
    const shared = share(had, after[key]);
    after[key] = shared;
    same &&= Object.hasOwn(before, key) && Object.is(had, shared);
  }
  return same ? (last as T) : Object.freeze(next);
}

/** Whether it is an object or array literal: data, and nobody's instance. */
export function isLiteral(value: unknown): value is object {
  return Array.isArray(value) || (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype);
}
