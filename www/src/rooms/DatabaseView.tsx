import { useMemo } from "react";
import type { StreamState } from "streamkeeper";
import { useSnapshot } from "streamkeeper/react";
import { readStream, type EndAttempt, type Lease, type Recorded, type RoomRow, type Row } from "../api";
import { useTell } from "../facts";
import { Fields, type Field } from "../Fields";
import { Status } from "../Status";
import { usePolling } from "../usePolling";
import { clock } from "../words";

const NOTHING: Recorded = { row: null, leases: [], end_attempts: [] };

interface Props {
  streamId: string | null;
  status: StreamState["status"] | null;
  room: RoomRow | null;
}

/** The rows of the stream and of its room, as the database has them. */
export function DatabaseView({ streamId, status, room }: Props) {
  const online = useSnapshot((snapshot) => snapshot.presence.online);
  const read = useMemo(
    () => (streamId !== null && online ? (signal: AbortSignal) => readStream(streamId, signal) : null),
    // Another status: what it says here is old, whatever it is.
    [streamId, online, status],
  );
  const { row, leases, end_attempts } = usePolling(read) ?? NOTHING;
  useTell("row", row?.status ?? null);
  return (
    <section className="card" aria-labelledby="database-heading">
      <h2 id="database-heading">The database</h2>
      <Status testId="db-status" status={row?.status ?? "no row"} />
      {row ? <StreamFields row={row} leases={leases} /> : <p>The stream's row appears here when you go live.</p>}
      {row && <EndCalls calls={end_attempts} />}
      {room && <RoomFields row={room} />}
      {room && !online && <p className="problem">As last read: the network is away.</p>}
    </section>
  );
}

function StreamFields({ row, leases }: { row: Row; leases: Lease[] }) {
  const heldUntil = leases.map(({ lease_until }) => clock(lease_until)).join(", ");
  const fields: Field[] = [
    ["id", row.id],
    ["streamer_id", row.streamer_id],
    ["started_at", clock(row.started_at)],
    ["held until", heldUntil === "" ? null : heldUntil],
    ["ended_at", clock(row.ended_at)],
    ["end_reason", row.end_reason],
  ];
  return <Fields testId="db-row" fields={fields} />;
}

function RoomFields({ row }: { row: RoomRow }) {
  const fields: Field[] = [
    ["status", row.status],
    ["session", row.current_session_id],
    ["host_present", String(row.host_present)],
  ];
  return (
    <>
      <h3>The room</h3>
      <Fields testId="db-room" fields={fields} />
    </>
  );
}

function EndCalls({ calls }: { calls: EndAttempt[] }) {
  return (
    <>
      <h3>End calls that arrived: {calls.length}</h3>
      <ol data-testid="end-calls" className="calls">
        {calls.map((call) => (
          <li key={call.id}>
            <span>
              attempt {call.attempt}: {call.outcome.replace("_", " ")}
            </span>
            <time dateTime={call.at} className="quiet">
              {clock(call.at)}
            </time>
          </li>
        ))}
      </ol>
    </>
  );
}
