import { useState } from "react";
import { useSnapshot, useStream, useStreamkeeper } from "streamkeeper/react";
import { DatabaseView } from "./DatabaseView";
import { ManagerView } from "./ManagerView";
import { PretendMeeting } from "./meeting";
import { MeetingPane } from "./MeetingPane";
import { useTask } from "./useTask";

interface Room {
  streamId: string;
  meeting: PretendMeeting;
}

/** The host's room: the stream as the page and as the database see it, and its meeting. */
export function StreamView({ user }: { user: string }) {
  const manager = useStreamkeeper();
  const phase = useSnapshot((snapshot) => snapshot.phase);
  const [room, setRoom] = useState<Room | null>(null);
  const { stream, end } = useStream(room?.streamId);
  const starting = useTask();
  const over = stream === null || stream.status === "ended";

  const goLive = () =>
    starting.run(async () => {
      const started = await manager?.startStream({ title: `${user}'s stream` });
      if (started) setRoom({ streamId: started.stream_id, meeting: new PretendMeeting() });
    });

  // What goes wrong with it is part of the stream's state, which is on the page anyway.
  const endStream = () => void end().catch(() => {});

  return (
    <>
      <section aria-labelledby="stream-heading" className="stream">
        <div className="heading">
          <h1 id="stream-heading">Your stream</h1>
          {over ? (
            <button
              className="primary"
              data-testid="go-live"
              disabled={phase !== "ready" || starting.busy}
              onClick={goLive}
            >
              {room ? "Go live again" : "Go live"}
            </button>
          ) : (
            <button
              className={stream.status === "failed" ? "primary" : ""}
              data-testid="end-room"
              disabled={stream.status === "ending"}
              onClick={endStream}
            >
              {stream.status === "failed" ? "Try to end it again" : "End stream"}
            </button>
          )}
        </div>
        {starting.error && <p role="alert">{starting.error}</p>}
        <div className="sides">
          <ManagerView phase={phase} stream={stream} />
          <DatabaseView key={room?.streamId} streamId={room?.streamId ?? null} status={stream?.status ?? null} />
        </div>
      </section>
      {room && <MeetingPane key={room.streamId} user={user} closeIsNext={stream?.status === "live"} {...room} />}
    </>
  );
}
