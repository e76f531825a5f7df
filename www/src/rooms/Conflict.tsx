import type { RoomSession } from "streamkeeper";
import { clock } from "../words";

interface Props {
  session: RoomSession;
  busy: boolean;
  onJoin: () => void;
  onTakeOver: () => void;
}

/** A room that is live is never reset: its host chooses. */
export function Conflict({ session, busy, onJoin, onTakeOver }: Props) {
  return (
    <div className="card conflict" role="alertdialog" aria-labelledby="conflict-heading" data-testid="conflict">
      <h2 id="conflict-heading">Your room is live already, since {clock(session.started_at)?.slice(0, 5)}</h2>
      <p>In another tab, or on another device. Join what is on, or end it and begin anew here.</p>
      <div className="buttons">
        <button className="primary" data-testid="conflict-join" autoFocus disabled={busy} onClick={onJoin}>
          Join it
        </button>
        <button data-testid="conflict-take-over" disabled={busy} onClick={onTakeOver}>
          Take over
        </button>
      </div>
    </div>
  );
}
