import { useMemo, type ReactNode } from "react";
import type { GoLiveOptions } from "streamkeeper";
import { useRoom, useSnapshot, useStream } from "streamkeeper/react";
import { readRoom } from "../api";
import { usePolling } from "../usePolling";
import { Attendance } from "./Attendance";
import { Conflict } from "./Conflict";
import { DatabaseView } from "./DatabaseView";
import { ManagerView } from "./ManagerView";
import { MeetingPane } from "./MeetingPane";
import { useHosting } from "./useHosting";
import { useMyRoom } from "./useMyRoom";

/** The host's room, as the page and as the database see it, its meeting, and who is there. */
export function RoomView({ user, children }: { user: string; children: ReactNode }) {
  const mine = useMyRoom();
  const { isHost, session, status, busy, error, conflict, goLive, endRoom } = useRoom(mine.roomId);
  const [hosting, enter] = useHosting(session);
  const { stream } = useStream(hosting?.session.stream_id);
  const phase = useSnapshot((snapshot) => snapshot.phase);
  const recorded = useRecorded(mine.roomId, status, stream?.status);

  const isOnAir = stream !== null && stream.status !== "ended";
  const isElsewhere = !isOnAir && session?.status === "live";
  const hasFailed = stream?.status === "failed";
  const shownId = (isElsewhere ? session : hosting?.session)?.stream_id ?? null;
  // What goes wrong is part of the room's state, or of its stream's, which are on the page anyway.
  const begin = (options?: GoLiveOptions) => void goLive({ title: `${user}'s room`, ...options }).then(enter, () => {});
  const end = () => void endRoom().catch(() => {});

  return (
    <>
      <section aria-labelledby="room-heading" className="stream">
        <div className="heading">
          <h1 id="room-heading">Your room</h1>
          {isHost && (
            <p className="badge" data-testid="host-badge">
              You are its host
            </p>
          )}
          <div className="actions">
            {!isOnAir && (
              <button
                className="primary"
                data-testid="go-live"
                disabled={phase !== "ready" || !mine.roomId || busy}
                onClick={() => begin()}
              >
                {hosting ? "Go live again" : "Go live"}
              </button>
            )}
            {(isOnAir || isElsewhere) && isHost && (
              <button
                className={hasFailed ? "primary" : ""}
                data-testid="end-room"
                disabled={busy || stream?.status === "ending"}
                onClick={end}
              >
                {hasFailed ? "Try to end it again" : "End room"}
              </button>
            )}
          </div>
        </div>
        {mine.error && (
          <p role="alert">
            {mine.error} <button onClick={mine.retry}>Try again</button>
          </p>
        )}
        {isElsewhere && conflict?.id === session.id ? (
          <Conflict
            session={session}
            busy={busy}
            onJoin={() => enter(session)}
            onTakeOver={() => begin({ takeOver: true })}
          />
        ) : (
          !isOnAir &&
          error && (
            <p role="alert" data-testid="room-error">
              {error}
            </p>
          )
        )}
        <div className="sides">
          <div className="column">
            <ManagerView
              phase={phase}
              stream={stream}
              isElsewhere={isElsewhere}
              hasRecovered={hosting?.session.recovered === true}
            />
            {hosting && (
              <MeetingPane key={hosting.session.id} user={user} closeIsNext={stream?.status === "live"} {...hosting} />
            )}
            <Attendance visits={recorded?.attendance ?? []} />
          </div>
          <div className="column">
            <DatabaseView
              key={shownId}
              streamId={shownId}
              status={stream?.status ?? null}
              room={recorded?.row ?? null}
            />
            {children}
          </div>
        </div>
      </section>
    </>
  );
}

/** The room in the database. */
function useRecorded(roomId: string | null, ...changes: unknown[]) {
  const online = useSnapshot((snapshot) => snapshot.presence.online);
  const read = useMemo(
    () => (roomId !== null && online ? (signal: AbortSignal) => readRoom(roomId, signal) : null),
    // With another status, what was read is old.
    [roomId, online, ...changes],
  );
  return usePolling(read);
}
