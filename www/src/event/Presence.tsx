import type { EventState } from "streamkeeper";
import { SecondUser } from "../SecondUser";
import { useTask } from "../useTask";
import type { CrowdState } from "./useCrowd";
import { AT_EVENT } from "./words";

interface Props {
  user: string;
  /** `null`: this page is not there. */
  state: EventState | null;
  isHost: boolean;
  isThere: boolean;
  isOver: boolean;
  crowd: CrowdState;
  viewers: number | null;
  onChange: (isThere: boolean) => void;
}

/** How many watch, and the ways to be one of them, or five. */
export function Presence({ user, state, isHost, isThere, isOver, crowd, viewers, onChange }: Props) {
  const task = useTask();
  const status = state?.status ?? "off";
  const come = isHost ? "Be there, as its host" : "Watch";
  return (
    <section className="card" aria-labelledby="presence-heading">
      <div className="heading">
        <h2 id="presence-heading">Who is there</h2>
        <SecondUser user={user} view="event" testId="second-user-event" />
      </div>
      <p className="status" data-status={viewers ? "live" : "off"} aria-live="polite">
        <span aria-hidden="true" className="dot" />
        <span>
          <span data-testid="event-viewers">{viewers ?? "–"}</span> {viewers === 1 ? "viewer" : "viewers"}
        </span>
      </p>
      <p className="quiet">
        <span data-testid="event-page">{status}</span>: {AT_EVENT[status]}
      </p>
      <div className="buttons">
        <button data-testid="event-watch" disabled={isOver} onClick={() => onChange(!isThere)}>
          {isThere ? "Leave" : come}
        </button>
        <button
          className={isHost && !viewers && !isOver ? "primary" : ""}
          data-testid="event-crowd"
          disabled={isOver || task.busy}
          onClick={() => task.run(crowd.come)}
        >
          Five more viewers
        </button>
        <button data-testid="event-crowd-leave" disabled={crowd.here === 0} onClick={crowd.leave}>
          All {crowd.here > 0 && crowd.here} of them leave
        </button>
      </div>
      {task.error && <p role="alert">{task.error}</p>}
    </section>
  );
}
