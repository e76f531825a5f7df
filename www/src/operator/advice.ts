/** What is not as it should be, and what to do about it. */
import type { Findings, Report, Sync } from "./report";

export interface Advice {
  what: string;
  /** What to look at, or to do. */
  then: string;
  /** To paste. */
  sql?: string;
}

export type Part = "streams" | "ends" | "connections" | "rooms" | "notices" | "sweeper" | "viewers" | "sync";

/** A gateway says that it is there every 5 s; the sweeper runs every 15 s. */
const SILENT_AFTER = 15;
/** By then its viewers are with another one, and there is nothing left to do: its row stays for a day. */
const GONE_AFTER = 300;
const UNSWEPT_AFTER = 60;

/** Of fewer attempts nothing can be said. */
const ENOUGH = 20;
const GOOD_RATE = 0.95;

const ORPHANS: Record<string, { why: string; then: string; sql?: string }> = {
  not_swept: {
    why: "its leases are over, and the sweeper does not end it",
    then: "Look for “a sweep failed” in the database's log, and at triggers of your own on livestreams.",
  },
  sweeper_stopped: {
    why: "its leases are over, and nothing sweeps",
    then: "See that a gateway or pg_cron runs.",
    sql: "select sweep();",
  },
  not_auto_ended: {
    why: "nobody ever held it, and it was not seen for 24 hours",
    then: "See that a gateway or pg_cron runs.",
    sql: "select auto_end_inactive_streams();",
  },
  end_came_first: { why: "it was started without a holder, after its end had come", then: "End it by hand." },
};

export function adviceOn({ report, sync }: Findings): Record<Part, Advice[]> {
  return {
    streams: report.orphans.map(orphan),
    ends: ends(report),
    connections: report.chat.insights
      .filter(({ level }) => level === "warning")
      .map(({ message }) => ({ what: message, then: "streamkeeper-gateway monitor-chat says more." })),
    rooms: stuck(report),
    notices: notices(report),
    sweeper: sweeper(report),
    viewers: silent(report),
    sync: outOfStep(sync),
  };
}

export const secondsSince = (time: string, now: string) => (Date.parse(now) - Date.parse(time)) / 1_000;

function orphan({ stream_id, reason }: Report["orphans"][number]): Advice {
  const { why, then, sql } = ORPHANS[reason] ?? { why: reason, then: "End it by hand." };
  const byHand = `select end_stream_comprehensive(p_stream_id => '${stream_id}', p_reason => 'operator');`;
  return { what: `Stream ${stream_id} is an orphan: ${why}.`, then, sql: sql ?? byHand };
}

function ends({ ends }: Report): Advice[] {
  const today = ends.at(-1);
  if (!today || today.attempts < ENOUGH) return [];
  const advice: Advice[] = [];
  if (today.success_rate !== null && today.success_rate < GOOD_RATE) {
    advice.push({
      what: `Today ${today.attempts - Math.round(today.success_rate * today.attempts)} of ${today.attempts} attempts to end a stream failed.`,
      then: "Look at the network between browsers and backend, at CORS, and at 5xx in the gateway's metrics.",
      sql: "select stream_id, outcome, attempt, reason, at from end_attempts where at > now() - interval '1 day' order by id desc limit 50;",
    });
  }
  if (today.by_deadline > today.ended) {
    advice.push({
      what: `Today ${today.by_deadline} streams were ended by deadline, and ${today.ended} by their pages.`,
      then: "Pages do not end streams any more: browsers crash, or a release of the app has taken the ending away.",
    });
  }
  return advice;
}

function stuck({ rooms, stuck_rooms }: Report): Advice[] {
  if (rooms.stuck === 0 && stuck_rooms.length === 0) return [];
  return [
    {
      what: rooms.stuck === 1 ? "A room does not say what is on in it." : `${rooms.stuck} rooms do not say what is on in them.`,
      then: "Going live or ending in such a room repairs it, and so does the hourly clean-up. At once:",
      sql: "select cleanup_stuck_rooms();",
    },
  ];
}

function notices({ notices: { states, days } }: Report): Advice[] {
  const advice: Advice[] = [];
  // Yesterday's still need somebody today.
  const failed = days.slice(-2).reduce((sum, day) => sum + day.failed, 0);
  if (failed > 0) {
    const last = states.find(({ state }) => state === "failed")?.last_error;
    advice.push({
      what: `${failed} of the notices to hosts since yesterday failed for good.${last ? ` The last one: ${last}` : ""}`,
      then: "Repair what it says: the host's address, SMTP_URL, or the mail server.",
      sql: "select host_user_id, attempts, last_error, created_at from notifications where state = 'failed' order by created_at desc limit 50;",
    });
  }
  const late = states.reduce((sum, state) => sum + state.late, 0);
  if (late > 0) {
    advice.push({
      what: `${late} notices to hosts are late.`,
      then: "See that a gateway with SMTP_URL or MAIL_DIR runs, and what its log says.",
    });
  }
  return advice;
}

function sweeper({ sweep, checked_at }: Report): Advice[] {
  if (sweep.last_at !== null && secondsSince(sweep.last_at, checked_at) <= UNSWEPT_AFTER) return [];
  return [
    {
      what: sweep.last_at === null ? "Nothing has ever swept." : "Nothing has swept for a minute.",
      then: "Streams that nobody holds stay live. See what “the sweep failed” says in the gateway's log.",
      sql: "select sweep();",
    },
  ];
}

export type Heard = "lately" | "silent" | "gone";

/** How it is with a gateway, by when it was heard last. */
export function heard(heartbeat: string, now: string): Heard {
  const age = secondsSince(heartbeat, now);
  if (age <= SILENT_AFTER) return "lately";
  return age <= GONE_AFTER ? "silent" : "gone";
}

function silent({ nodes, checked_at }: Report): Advice[] {
  return nodes
    .filter(({ heartbeat_at }) => heard(heartbeat_at, checked_at) === "silent")
    .map(({ id }) => ({
      what: `Gateway ${id} has not said for ${SILENT_AFTER} seconds that it is there.`,
      then: "It has died, or does not reach the database. Its viewers come back to another by themselves.",
    }));
}

function outOfStep(sync: Sync | null): Advice[] {
  if (!sync) return [{ what: "The gateway did not say whether relays are in step.", then: "See its log." }];
  if (!sync.discrepancies.has_issues) return [];
  const found = Object.entries(sync.discrepancies).filter(([, keys]) => Array.isArray(keys) && keys.length > 0);
  return found.map(([name, keys]) => ({
    what: `${name.replaceAll("_", " ")}: ${(keys as string[]).join(", ")}.`,
    then: "“Repair” closes what is orphaned and begins what is missing. If it comes back, see “relays are out of step” in the gateway's log.",
  }));
}
