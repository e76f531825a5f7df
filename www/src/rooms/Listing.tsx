import type { ListedSession } from "streamkeeper";
import { useListing } from "streamkeeper/react";
import { SecondUser } from "../SecondUser";
import { clock } from "../words";

interface Props {
  user: string;
  watchedId: string | null;
  onWatch: (session: ListedSession) => void;
}

/** What is live, of everybody, as it comes and goes. */
export function Listing({ user, watchedId, onWatch }: Props) {
  const { status, sessions, lastError } = useListing();
  return (
    <section className="card" aria-labelledby="listing-heading">
      <div className="heading">
        <h2 id="listing-heading">Live now</h2>
        <p className="badge" data-status={status}>
          <span aria-hidden="true" className="dot" />
          <span data-testid="listing-status">{status}</span>
        </p>
        <SecondUser user={user} view="room" testId="second-user-room" />
      </div>
      <p className="quiet">{STATUSES[status]}</p>
      {lastError && status === "polling" && <p className="problem">{lastError}</p>}
      <ol className="listing" data-testid="listing" tabIndex={0} aria-labelledby="listing-heading">
        {sessions.length === 0 && <li className="quiet">Nobody is live.</li>}
        {sessions.map((session) => (
          <li key={session.id} data-session={session.id}>
            <p>
              <strong>{session.title ?? "Untitled"}</strong>
              <span className="quiet">{inWords(session)}</span>
            </p>
            {session.host_user_id === user ? (
              <span className="badge">yours</span>
            ) : (
              <button
                data-testid="watch"
                disabled={!session.is_live || session.id === watchedId}
                onClick={() => onWatch(session)}
              >
                Watch
              </button>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}

const STATUSES = {
  off: "Nothing is asked for while nobody looks.",
  connecting: "One moment.",
  live: "Every change is pushed to this page.",
  polling: "The gateway's feed is away: the page asks by itself.",
};

// Without its viewers: they come and go without a push.
function inWords({ host_name, host_user_id, status, started_at }: ListedSession): string {
  const since = started_at === null ? status : `since ${clock(started_at).slice(0, 5)}`;
  return `${host_name ?? host_user_id} · ${since}`;
}
