import type { Snapshot, StreamState } from "streamkeeper";
import { Status } from "./Status";
import { PHASES, reasonInWords, STATUSES } from "./words";

/** The stream as the manager in this page sees it. */
export function ManagerView({ phase, stream }: { phase: Snapshot["phase"]; stream: StreamState | null }) {
  return (
    <section className="card" aria-labelledby="manager-heading">
      <h2 id="manager-heading">This page</h2>
      <div aria-live="polite" className="verdict">
        <Status testId="stream-status" status={stream?.status ?? "off air"} />
        <p>{stream ? STATUSES[stream.status] : PHASES[phase]}</p>
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
