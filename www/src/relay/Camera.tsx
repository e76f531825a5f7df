import { useTask } from "../useTask";
import type { Note } from "../timeline/useTimeline";
import { attachCamera, breakCamera, type Fault, type Operator, type Relayed } from "./api";

const RESTART = 4_000;

const FAULTS: { fault: Fault; label: string; words: string }[] = [
  { fault: "stalled", label: "It stands still", words: "The camera answers, and shows nothing new. After a minute, the stream is over." },
  { fault: "loops", label: "It loops", words: "The camera shows the same again and again. After a minute, the stream is over." },
];

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
  const broken = (fault: Fault | null, words: string) => async () => {
    await breakCamera(streamKey, fault);
    note({ lane: "stream", kind: "page", words });
  };
  const restart = async () => {
    await broken("down", "The camera restarts.")();
    await new Promise((resolve) => setTimeout(resolve, RESTART));
    await broken(null, "The camera is back.")();
  };
  const idle = task.busy || isOver;
  return (
    <section className="card" aria-labelledby="camera-heading">
      <h2 id="camera-heading">The camera</h2>
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
        {FAULTS.map(({ fault, label, words }) => (
          <button key={fault} data-testid={`camera-${fault}`} disabled={idle || !relayed} onClick={() => task.run(broken(fault, words))}>
            {label}
          </button>
        ))}
        <button data-testid="camera-well" disabled={idle || !relayed} onClick={() => task.run(broken(null, "The camera is well."))}>
          It is well again
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
