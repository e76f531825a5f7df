"use client";
import { useCallback, useSyncExternalStore } from "react";
import { attempt } from "./attempt.js";
import { subscribeToNothing, useStreamkeeper } from "./context.js";

/**
 * The client of the chat connection that is open now; `null` while there is none. It is `null` from the moment when a close
 * begins, and never an earlier connection's client: a channel belongs into an effect that depends on it.
 *
 * Such an effect is cleaned up while the client is being closed. An app that has something to say to the server before
 * that says it in `manager.on("disconnect", …)`, or has the effects cleaned up there: `flushSync(() => {})` of `react-dom`.
 */
export function useChatClient<T = unknown>(): T | null {
  const manager = useStreamkeeper();
  const get = useCallback(() => (attempt(() => manager?.chatClient()) ?? null) as T | null, [manager]);
  // The snapshot is the first to know of a close; before the event, and before anything is closed.
  return useSyncExternalStore(manager?.subscribe ?? subscribeToNothing, get, getNothing);
}

function getNothing(): null {
  return null;
}
