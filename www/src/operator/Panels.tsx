import { heard, secondsSince, type Advice, type Part } from "./advice";
import { Bars } from "./Bars";
import { Numbers, Panel } from "./Panel";
import type { Findings, Report } from "./report";

const percent = (share: number | null) => (share === null ? "–" : `${Math.round(share * 1_000) / 10} %`);
const share = (good: number, bad: number) => (good + bad === 0 ? null : good / (good + bad));
const day = (date: string) => date.slice(5);
const hours = (seconds: number) => `${Math.floor(seconds / 3_600)} h ${Math.floor(seconds / 60) % 60} min`;
const ago = (time: string, now: string) => {
  const seconds = Math.max(0, Math.round(secondsSince(time, now)));
  return seconds < 600 ? `${seconds} s ago` : `${hours(seconds)} ago`;
};

/** Everything, part by part. */
export function Panels({ findings, advice, onRepair }: { findings: Findings; advice: Record<Part, Advice[]>; onRepair: () => void }) {
  const { report, sync } = findings;
  const { chat, viewers, rooms, notices, sweep, nodes, checked_at } = report;
  const today = report.ends.at(-1);
  const running = nodes.filter(({ heartbeat_at }) => heard(heartbeat_at, checked_at) === "lately").length;
  const ended = notices.days.reduce((sum, { ended }) => sum + ended, 0);
  const counted = (wanted: string) => notices.states.find(({ state }) => state === wanted)?.count ?? 0;
  return (
    <div className="panels">
      <Panel part="streams" advice={advice.streams}>
        <Numbers of={{ "live now": report.streams.live, orphans: report.orphans.length }} />
        <LiveStreams report={report} />
      </Panel>
      <Panel part="ends" advice={advice.ends}>
        <Numbers
          of={{
            "success rate today": percent(today?.success_rate ?? null),
            "attempts today": today?.attempts ?? 0,
            "retries today": today?.retries ?? 0,
            "by deadline today": today?.by_deadline ?? 0,
          }}
        />
        <Bars
          title="Attempts to end a stream, by day (UTC)"
          parts={["delivered", "failed"]}
          bars={report.ends.map((it) => ({
            name: day(it.day),
            values: [it.ended + it.already_ended + it.held_elsewhere, it.not_found + it.lost],
          }))}
        />
      </Panel>
      <Panel part="connections" advice={advice.connections}>
        <Numbers of={{ "open now": chat.open_now, "in 24 hours": chat.connections, "most at once": chat.peak_concurrent }} />
        <Bars
          title="Most connections at once in the last 24 hours, by the hour of the day (UTC)"
          parts={["at once"]}
          bars={chat.peak_hours.map((it) => ({ name: `${String(it.hour).padStart(2, "0")}:00`, values: [it.peak_concurrent] }))}
        />
      </Panel>
      <Panel part="rooms" advice={advice.rooms}>
        <Numbers of={{ rooms: rooms.rooms, live: rooms.live_sessions, scheduled: rooms.scheduled_sessions, stuck: rooms.stuck }} />
        {report.stuck_rooms.length > 0 && (
          <Table
            name="Stuck rooms"
            head={["Room", "Says", "Why"]}
            rows={report.stuck_rooms.map(({ room_id, status, why }) => [room_id, status, why.replaceAll("_", " ")])}
          />
        )}
      </Panel>
      <Panel part="notices" advice={advice.notices}>
        <Numbers of={{ "events ended": ended, delivered: percent(share(counted("sent"), counted("failed"))), sent: counted("sent"), waiting: counted("queued") + counted("sending") + counted("batched"), failed: counted("failed") }} />
        <Bars
          title="Notices of two weeks, by day (UTC)"
          parts={["sent", "failed"]}
          bars={notices.days.map((it) => ({ name: day(it.day), values: [it.sent, it.failed] }))}
        />
      </Panel>
      <Panel part="viewers" advice={advice.viewers}>
        <Numbers of={{ connections: viewers.viewers, people: viewers.users, "live events": viewers.events, gateways: running }} />
        {nodes.length > 0 && (
          <Table
            name="Gateways"
            head={["Gateway", "Last heard"]}
            rows={nodes.map(({ id, heartbeat_at }) => [id, lastHeard(heartbeat_at, checked_at)])}
          />
        )}
      </Panel>
      <Panel part="sweeper" advice={advice.sweeper}>
        <Numbers of={{ "last run": sweep.last_at === null ? "never" : ago(sweep.last_at, checked_at) }} />
      </Panel>
      <Panel part="sync" advice={advice.sync}>
        {sync && (
          <Numbers
            of={{ "relayed streams": sync.state.stream_count, HLS: sync.hls_proxy.session_count, TS: sync.ts_proxy.session_count }}
          />
        )}
        {sync?.discrepancies.has_issues && <button onClick={onRepair}>Repair</button>}
      </Panel>
    </div>
  );
}

const lastHeard = (time: string, now: string) => ago(time, now) + (heard(time, now) === "gone" ? ", and gone" : "");

function LiveStreams({ report: { streams, checked_at } }: { report: Report }) {
  if (streams.list.length === 0) return <p className="quiet">Nobody is live.</p>;
  const held = (until: string | null) => {
    if (until === null) return "by nobody yet";
    const left = -Math.round(secondsSince(until, checked_at));
    return left < 0 ? `no more, since ${-left} s` : `for ${left} s`;
  };
  return (
    <>
      <Table
        name="Live streams"
        head={["Stream", "Streamer", "Live for", "Held"]}
        rows={streams.list.map((it) => [it.title ?? it.stream_id, it.streamer_id, hours(it.duration_seconds), held(it.held_until)])}
      />
      {streams.live > streams.list.length && <p className="quiet">The {streams.list.length} that have been live for longest.</p>}
    </>
  );
}

function Table({ name, head, rows }: { name: string; head: string[]; rows: string[][] }) {
  return (
    <div className="scrolled" tabIndex={0} role="region" aria-label={name}>
      <table>
        <thead>
          <tr>
            {head.map((title) => (
              <th scope="col" key={title}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, column) => (
                <td key={head[column]}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
