import type { Entry } from "./useTimeline";
import { clock } from "./words";

/** The newest is on top, where it can be seen. */
export function Timeline({ entries, onSave }: { entries: Entry[]; onSave: () => void }) {
  return (
    <section className="card timeline" aria-labelledby="timeline-heading">
      <div className="heading">
        <h2 id="timeline-heading">What happened</h2>
        <button data-testid="save-trace" onClick={onSave}>
          Save the trace
        </button>
      </div>
      {entries.length === 0 && <p className="quiet">Nothing yet. The newest will stand on top.</p>}
      <ol reversed tabIndex={0} aria-labelledby="timeline-heading" data-testid="timeline">
        {entries.map((entry) => (
          <li key={entry.id} data-kind={entry.kind}>
            <time dateTime={entry.at.toISOString()}>{clock(entry.at)}</time>
            <span>
              {entry.words} {entry.name && <code>{entry.name}</code>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
