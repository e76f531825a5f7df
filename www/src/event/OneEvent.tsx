import { useMemo, useState } from "react";
import { useEvent, useSnapshot } from "streamkeeper/react";
import type { AccessToken } from "../accessToken";
import { useTell } from "../facts";
import type { Note } from "../timeline/useTimeline";
import { usePolling } from "../usePolling";
import { useTask } from "../useTask";
import { endEvent, readEvent, type RecordedEvent } from "./api";
import { EventRecord } from "./EventRecord";
import { Mailbox } from "./Mailbox";
import { Presence } from "./Presence";
import { useCrowd } from "./useCrowd";
import { useEventNotes } from "./useEventNotes";

interface Props {
  id: string;
  user: string;
  token: AccessToken;
  note: Note;
  onAnother: () => void;
}

/** One event: who is there, what becomes of it, and what its host reads. */
export function OneEvent({ id, user, token, note, onAnother }: Props) {
  const online = useSnapshot((snapshot) => snapshot.presence.online);
  const [wants, setWants] = useState<boolean | null>(null);
  const crowd = useCrowd(id);
  const task = useTask();
  const read = useMemo(
    () => (online ? (signal: AbortSignal) => readEvent(id, signal) : null),
    // Who has come or gone: what it says here is old.
    [id, online, wants, crowd.here],
  );
  const recorded = usePolling(read);
  const row = recorded?.row ?? null;
  const isHost = row?.host_user_id === user;
  // Whoever comes by a link watches; its host may be anywhere.
  const isThere = wants ?? (row !== null && !isHost);
  const state = useEvent(isThere ? id : null);
  useEventNotes(recorded, isThere, note);
  // That the last has left is written at once; how many there are, at the next heartbeat.
  const told = row?.viewers_gone_since === null ? recorded?.count?.viewers : row && 0;
  const viewers = state?.viewers ?? crowd.count ?? told ?? null;
  useTell("viewers", viewers ?? 0);
  useTell("mails", isHost ? lettersIn(recorded) : 0);
  const isOver = row?.status === "ended" && row.ended_by !== "absence";

  return (
    <>
      <section aria-labelledby="event-heading" className="stream">
        <div className="heading">
          <h1 id="event-heading">{row?.title ?? "An event"}</h1>
          {row && (
            <p className="badge" data-testid="event-role">
              {isHost ? "You are its host" : "You are a viewer"}
            </p>
          )}
          <div className="actions">
            {isHost && !isOver && (
              <button data-testid="event-end" disabled={task.busy} onClick={() => task.run(() => endEvent(id, token))}>
                End the event
              </button>
            )}
            {recorded && (!row || isOver) && (
              <button className="primary" data-testid="event-another" onClick={onAnother}>
                Another event
              </button>
            )}
          </div>
        </div>
        {task.error && <p role="alert">{task.error}</p>}
        {recorded && !row && <p role="alert">There is no such event any more.</p>}
        <div className="sides">
          <Presence
            user={user}
            state={state}
            isHost={isHost}
            isThere={isThere}
            isOver={isOver}
            crowd={crowd}
            viewers={viewers}
            onChange={setWants}
          />
          <EventRecord row={row} count={recorded?.count ?? null} />
        </div>
      </section>
      {isHost && <Mailbox notices={recorded?.notices ?? []} />}
    </>
  );
}

function lettersIn(recorded: RecordedEvent | null): number {
  return recorded?.notices.filter(({ state }) => state === "sent").length ?? 0;
}
