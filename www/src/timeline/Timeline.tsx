import { useMemo, useState } from "react";
import { clock } from "../words";
import { itemsOf } from "./items";
import { LANES } from "./lanes";
import { Lanes } from "./Lanes";
import { Reason } from "./Reason";
import { useCalls } from "./useCalls";
import type { Entry } from "./useTimeline";
import type { Turns } from "./turns";
import { useWindow } from "./useWindow";
import "./timeline.css";

interface Props {
  entries: Entry[];
  turns: Turns;
  onSave: () => void;
}

/** What happened: drawn in lanes, and the same in words, of which the newest is on top. */
export function Timeline({ entries, turns, onSave }: Props) {
  const calls = useCalls();
  const items = useMemo(() => itemsOf(turns, calls, entries), [turns, calls, entries]);
  const [shownId, setShownId] = useState<string | null>(null);
  const shown = items.find(({ id }) => id === shownId) ?? null;
  const view = useWindow(shown !== null);
  const latest = items.findLast(({ id }) => id === `moment-${entries[0]?.id}`) ?? null;

  return (
    <section className="card timeline" aria-labelledby="timeline-heading">
      <div className="heading">
        <h2 id="timeline-heading">What happened</h2>
        <div className="tools">
          <button data-testid="timeline-pause" aria-pressed={view.isPaused} onClick={view.isPaused ? view.follow : view.pause}>
            Pause
          </button>
          <button aria-label="Zoom out" data-testid="timeline-out" onClick={() => view.zoom(false)}>
            −
          </button>
          <button aria-label="Zoom in" data-testid="timeline-in" onClick={() => view.zoom(true)}>
            +
          </button>
          <button data-testid="save-trace" onClick={onSave}>
            Save the trace
          </button>
        </div>
      </div>
      <Lanes items={items} view={view} shown={shown} onShow={(item) => setShownId(item?.id ?? null)} />
      <Reason item={shown ?? latest} isLatest={shown === null} now={view.now} />
      <h3 id="timeline-words">In words</h3>
      {entries.length === 0 && <p className="quiet">Nothing yet. The newest will stand on top.</p>}
      <ol reversed tabIndex={0} aria-labelledby="timeline-words" data-testid="timeline">
        {entries.map((entry) => (
          <li key={entry.id} data-kind={entry.kind}>
            <time dateTime={entry.at.toISOString()}>{clock(entry.at)}</time>
            <span>
              <span className="lane-name">{LANES[entry.lane ?? "page"]}</span> {entry.words} {entry.name && <code>{entry.name}</code>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
