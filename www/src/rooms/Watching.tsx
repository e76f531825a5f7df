import { useListing } from "streamkeeper/react";
import { clock } from "../words";
import type { WatchingState } from "./useWatching";

/** A seat in somebody's session. */
export function Watching({ watching: { watchedId, joinedAt, error, leave } }: { watching: WatchingState }) {
  const { status, sessions } = useListing();
  const session = sessions.find(({ id }) => id === watchedId);
  if (watchedId === null) return null;
  return (
    <section className="card" aria-labelledby="watching-heading">
      <div className="heading">
        <h2 id="watching-heading">You watch {session?.title ?? "a room"}</h2>
        <button data-testid="stop-watching" onClick={leave}>
          Leave
        </button>
      </div>
      <div className="screen" data-inside={session !== undefined}>
        <span className="face" aria-hidden="true">
          {(session?.host_user_id ?? "·").slice(0, 1).toUpperCase()}
        </span>
        <p role="status" data-testid="watching">
          {session ? joinedInWords(joinedAt) : status === "connecting" ? "One moment." : "It is over."}
        </p>
      </div>
      {session && error && <p role="alert">{error}</p>}
    </section>
  );
}

function joinedInWords(joinedAt: string | null): string {
  return joinedAt === null ? "You are coming in." : `You have been here since ${clock(joinedAt)}.`;
}
