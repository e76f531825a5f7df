import type { AccessToken } from "../accessToken";
import { useLiveStream } from "../useLiveStream";
import { useTask } from "../useTask";
import { createEvent } from "./api";

interface Props {
  user: string;
  token: AccessToken;
  onBegun: (eventId: string) => void;
}

/** No event yet: one by itself, or one of what is live. */
export function Beginning({ user, token, onBegun }: Props) {
  const liveId = useLiveStream();
  const task = useTask();
  const begin = (streamId: string | null) => task.run(async () => onBegun(await createEvent(user, token, streamId)));
  return (
    <section className="card" aria-labelledby="event-heading">
      <h1 id="event-heading">Your event</h1>
      <p>
        People watch it together. When the last of them has left and nobody has come back within its grace, it is over,
        and you get one mail that says so. The grace is 8 s here; in earnest it is 30.
      </p>
      <div className="row">
        <button className="primary" data-testid="event-create" disabled={task.busy} onClick={() => begin(null)}>
          Make an event
        </button>
        {liveId && (
          <button data-testid="event-create-of-stream" disabled={task.busy} onClick={() => begin(liveId)}>
            Make one of your live stream
          </button>
        )}
      </div>
      {task.error && <p role="alert">{task.error}</p>}
    </section>
  );
}
