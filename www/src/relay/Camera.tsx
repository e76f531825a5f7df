import { useTask } from "../useTask";
import type { Note } from "../timeline/useTimeline";
import { attachCamera, breakCamera, type Operator, type Relayed } from "./api";

/** So long a restart takes: what else may happen to it is with the other faults. */
const RESTART = 4_000;

interface Props {
  streamKey: string;
  relayed: Relayed | undefined;
  isOver: boolean;
  isHost: boolean;
  operator: Operator | null;
  note: Note;
  onEnd: () => Promise<unknown>;
}

/** Where the pictures come from, what may happen to that, and the ways to end it all. */
export function Camera({ streamKey, relayed, isOver, isHost, operator, note, onEnd }: Props) {
  const task = useTask();
  const restart = async () => {
    await breakCamera(streamKey, "down");
    note({ lane: "stream", kind: "page", words: "The camera restarts." });
    await new Promise((resolve) => setTimeout(resolve, RESTART));
    await breakCamera(streamKey, null);
    note({ lane: "stream", kind: "good", words: "The camera is back." });
  };
  const idle = task.busy || isOver;
  return (
    <section className="card" aria-labelledby="camera-heading">
      <h2 id="camera-heading">Its camera</h2>
      <p className="quiet">A server of its own, from which the gateway relays. A player never learns where it is.</p>
      <div className="buttons">
        {isHost && (
          <button
            className={relayed ? "" : "primary"}
            data-testid="relay-attach"
            disabled={idle || relayed !== undefined}
            onClick={() => task.run(() => attachCamera(streamKey))}
          >
            Attach a camera
          </button>
        )}
        <button data-testid="camera-restart" disabled={idle || !relayed} onClick={() => task.run(restart)}>
          It restarts
        </button>
      </div>
      <h3>End it, anywhere</h3>
      <div className="buttons">
        {isHost && (
          <button data-testid="relay-end" disabled={idle} onClick={() => task.run(onEnd)}>
            End the stream
          </button>
        )}
        <button
          data-testid="relay-end-operator"
          disabled={idle || !relayed || !operator}
          onClick={() => task.run(() => operator!.end(streamKey))}
        >
          End it as an operator
        </button>
      </div>
      {task.error && <p role="alert">{task.error}</p>}
    </section>
  );
}
