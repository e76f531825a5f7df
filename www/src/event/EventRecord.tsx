import { Fields, type Field } from "../Fields";
import { Status } from "../Status";
import { clock } from "../words";
import type { EventRow, RecordedEvent } from "./api";
import { Grace } from "./Grace";
import { statusInWords } from "./words";

/** The event as the database has it, and how long it has left. */
export function EventRecord({ row, count }: { row: EventRow | null; count: RecordedEvent["count"] }) {
  return (
    <section className="card" aria-labelledby="event-record-heading">
      <h2 id="event-record-heading">The database</h2>
      <Status testId="event-status" status={row?.status ?? "no row"} />
      {row && (
        <>
          <p>{statusInWords(row)}</p>
          {row.status === "live" && row.empty_since !== null && row.due_at !== null && (
            <Grace until={row.due_at} seconds={row.grace_seconds} />
          )}
          <Fields testId="event-row" fields={fieldsOf(row, count)} />
        </>
      )}
    </section>
  );
}

function fieldsOf(row: EventRow, count: RecordedEvent["count"]): Field[] {
  return [
    ["id", row.id],
    ["generation", String(row.generation)],
    // At the last one: they come and go in between.
    ["heartbeat", count && `${counted(count.viewers, "viewer", "viewers")}, ${counted(count.users, "person", "people")}`],
    ["stream_id", row.stream_id],
    ["started_at", clock(row.started_at)],
    ["empty_since", clock(row.empty_since)],
    ["ended_at", clock(row.ended_at)],
    ["ended_by", row.ended_by],
  ];
}

function counted(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}
