"use client";
import { useMemo } from "react";
import type { Reason, Snapshot } from "streamkeeper";
import { useReconnect, type Reconnect } from "./use-reconnect.js";
import { useSnapshot } from "./use-snapshot.js";

/** The chat connection, for a component that shows it. */
export interface Connection {
  status: Snapshot["chat"]["status"];
  /** Why it is not connected; `null` while it is. */
  reason: Reason | null;
  /** 0: not known yet. */
  lastActivityAt: number;
  nextRetryAt: number | null;
  lastError: string | null;
  /** Gives the client; rejects with a `StreamkeeperError`, of which the rest of this tells as well. */
  reconnect: Reconnect;
}

/**
 * How the chat connection is, and a way to have it back.
 *
 * It re-renders about once a second while somebody is active, for `lastActivityAt`: a component that does not show that
 * better takes what it does show with `useSnapshot`.
 */
export function useConnection(): Connection {
  const seen = useSnapshot(read);
  const reconnect = useReconnect();
  return useMemo(() => ({ ...seen, reconnect }), [seen, reconnect]);
}

function read({ chat, presence }: Snapshot): Omit<Connection, "reconnect"> {
  const { status, reason, nextRetryAt, lastError } = chat;
  return { status, reason, lastActivityAt: presence.lastActivityAt, nextRetryAt, lastError };
}
