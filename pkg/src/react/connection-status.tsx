"use client";
import type { Reason, Snapshot } from "streamkeeper";
import { useSnapshot } from "./use-snapshot.js";
import { CONNECTION_WORDS, type ConnectionWords } from "./words.js";

/** What `ConnectionStatus` takes. */
export interface ConnectionStatusProps {
  className?: string;
  words?: Partial<ConnectionWords>;
  /** Whether it says when somebody was last active, to the minute. */
  lastActivity?: boolean;
}

/** The state of the chat connection in words, which screen readers are told of politely. */
export function ConnectionStatus({ className = "", words, lastActivity = false }: ConnectionStatusProps) {
  const { status, reason } = useSnapshot(read);
  const say = { ...CONNECTION_WORDS, ...words };
  return (
    <span className={`streamkeeper-status ${className}`.trim()} data-status={status} data-reason={reason ?? undefined}>
      <span role="status">
        {say[status]}
        {reason && <span className="streamkeeper-reason">: {say[reason]}</span>}
      </span>
      {lastActivity && <LastActivity say={say.lastActivity} />}
    </span>
  );
}

type Seen = { status: Snapshot["chat"]["status"] | "unavailable"; reason: Reason | null };

function read({ phase, chat }: Snapshot): Seen {
  const gone = phase === "unavailable" || phase === "crashed";
  return gone ? { status: "unavailable", reason: null } : { status: chat.status, reason: chat.reason };
}

/** Beside the live region: nobody wants to be told of each minute. */
function LastActivity({ say }: { say: ConnectionWords["lastActivity"] }) {
  const minute = useSnapshot(readMinute);
  if (minute === 0) return null;
  const at = new Date(minute);
  return (
    <time className="streamkeeper-last-activity" dateTime={at.toISOString()}>
      {say(at)}
    </time>
  );
}

function readMinute({ presence }: Snapshot): number {
  return presence.lastActivityAt - (presence.lastActivityAt % 60_000);
}
