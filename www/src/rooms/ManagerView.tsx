import type { Snapshot, StreamState } from "streamkeeper";
import { Status } from "../Status";
import { PHASES, reasonInWords, STATUSES } from "../words";

interface Props {
  phase: Snapshot["phase"];
  stream: StreamState | null;
  /** Live, but not in this page. */
  isElsewhere: boolean;
  /** It was stuck, until it went live. */
  hasRecovered: boolean;
}

/** The room's stream as the manager in this page sees it. */
export function ManagerView({ phase, stream, isElsewhere, hasRecovered }: Props) {
  const words = stream ? STATUSES[stream.status] : PHASES[phase];
  return (
    <section className="card" aria-labelledby="manager-heading">
      <h2 id="manager-heading">This page</h2>
      <div aria-live="polite" className="verdict">
        <Status testId="stream-status" status={stream?.status ?? "off air"} />
        <p>{isElsewhere ? "Your room is live, in another tab or on another device." : words}</p>
        {stream?.status === "live" && hasRecovered && (
          <p className="quiet" data-testid="recovered">
            The room was stuck: going live has reset it on the way.
          </p>
        )}
        {stream?.reason && (
          <p className="quiet" data-testid="stream-reason">
            Because {reasonInWords(stream.reason)} <code>{stream.reason}</code>
          </p>
        )}
        {stream?.lastError && (
          <p className="problem" data-testid="stream-error">
            {stream.lastError}
          </p>
        )}
      </div>
    </section>
  );
}
