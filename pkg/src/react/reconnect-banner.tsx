"use client";
import type { Reason, Snapshot } from "streamkeeper";
import { Box } from "./box.js";
import { Button } from "./button.js";
import { useReconnect } from "./use-reconnect.js";
import { useSnapshot } from "./use-snapshot.js";
import { CONNECTION_WORDS, type ConnectionWords } from "./words.js";

/** What `ReconnectBanner` takes. */
export interface ReconnectBannerProps {
  className?: string;
  words?: Partial<ConnectionWords>;
  /** Whether the button has the client made anew, however well it may be. */
  force?: boolean;
}

/** For ears only. */
const UNSEEN = { position: "absolute", width: 1, height: 1, overflow: "hidden", clipPath: "inset(50%)" } as const;

/** What a person would want to know of. The rest is their own doing, or passes before they look. */
const TOLD: readonly (Reason | null)[] = ["inactive", "offline", "lost", "unhealthy", "token", "refused", "forced"];

/** Says that chat is gone, why, and when it is tried again; its button tries now. Otherwise there is nothing to see. */
export function ReconnectBanner({ className = "", words, force = false }: ReconnectBannerProps) {
  const seen = useSnapshot(read);
  const reconnect = useReconnect();
  const say = { ...CONNECTION_WORDS, ...words };
  // What comes of it is said here anyway.
  const onClick = () => void reconnect({ force }).catch(() => {});
  // The live region is always there: what comes into being together with its words may not be read out. It has the reason
  // alone, which stays the same from one try to the next; the rest would be read out again each time.
  return (
    <>
      <span role="status" style={UNSEEN}>
        {seen && say[seen.reason]}
      </span>
      <div tabIndex={-1} className="streamkeeper-live">
        {seen && (
          <Box className={`streamkeeper-banner ${className}`.trim()} data-status={seen.status} data-reason={seen.reason}>
            <p>
              {say[seen.status]}: {say[seen.reason]}.{" "}
              {seen.nextRetryAt !== null && say.nextTry(new Date(seen.nextRetryAt))}
            </p>
            {seen.reason !== "offline" && <Button onClick={onClick}>{say.reconnect}</Button>}
          </Box>
        )}
      </div>
    </>
  );
}

type Seen = { status: Snapshot["chat"]["status"]; reason: Reason; nextRetryAt: number | null };

function read({ phase, chat }: Snapshot): Seen | null {
  const { status, reason, nextRetryAt } = chat;
  if (phase !== "ready" || status === "connected" || reason === null || !TOLD.includes(reason)) return null;
  return { status, reason, nextRetryAt };
}
