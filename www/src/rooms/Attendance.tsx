import type { Visit } from "../api";
import { useTell } from "../facts";
import { clock } from "../words";

/** Who is, or was, in the room's last session. */
export function Attendance({ visits }: { visits: Visit[] }) {
  const present = visits.filter(({ left_at }) => left_at === null).length;
  useTell("watchers", present);
  return (
    <section className="card" aria-labelledby="attendance-heading">
      <h2 id="attendance-heading">Who watches you: {present}</h2>
      {visits.length === 0 && <p className="quiet">Nobody has come yet.</p>}
      <ol data-testid="attendance" className="calls">
        {visits.map(({ id, user_id, joined_at, left_at }) => (
          <li key={id} data-present={left_at === null}>
            <span>{user_id}</span>
            <span className="quiet">
              {left_at === null ? `since ${clock(joined_at)}` : `${clock(joined_at)} to ${clock(left_at)}`}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
