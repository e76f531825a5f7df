/** The demo's database, asked past all of Streamkeeper. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { DATABASE_URL } from "./environment.mjs";

const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 2 });

export const close = () => pool.end();

export async function row(streamId) {
  const { rows } = await pool.query("select * from livestreams where id = $1", [streamId]);
  assert.equal(rows.length, 1, `one row with the id ${streamId}`);
  return rows[0];
}

/** The calls that arrived to end a stream, in their order. */
export async function endAttempts(streamId) {
  const { rows } = await pool.query("select * from end_attempts where stream_id = $1 order by id", [streamId]);
  return rows;
}

export async function assertLive(streamId) {
  const { status, is_live, ended_at } = await row(streamId);
  assert.deepEqual({ status, is_live, ended_at }, { status: "live", is_live: true, ended_at: null });
  assert.deepEqual(await endAttempts(streamId), []);
}

/** Ended, by one call, which was its sender's `attempt`th; at that time, if it is given. */
export async function assertEndedOnce(streamId, { reason, attempt = 1, at }) {
  const { status, is_live, started_at, ended_at, end_reason } = await row(streamId);
  assert.deepEqual({ status, is_live, end_reason }, { status: "ended", is_live: false, end_reason: reason });
  assert.ok(ended_at >= started_at, "it ended after it had started");
  if (at) assert.deepEqual(ended_at, at < started_at ? started_at : at);
  const attempts = await endAttempts(streamId);
  assert.deepEqual(
    attempts.map((it) => ({ outcome: it.outcome, attempt: it.attempt, reason: it.reason })),
    [{ outcome: "ended", attempt, reason }],
  );
}

/** What is written of a room: what it says itself, its sessions, and who is, or was, in them. */
export async function room(roomId) {
  const { rows } = await pool.query("select status, current_session_id, host_present from live_rooms where id = $1", [roomId]);
  const sessions = await pool.query("select * from live_room_sessions where room_id = $1 order by created_at", [roomId]);
  const attendance = await pool.query(
    "select a.* from live_room_attendance a join live_room_sessions s on s.id = a.session_id where s.room_id = $1 order by a.id",
    [roomId],
  );
  assert.equal(rows.length, 1, `one room with the id ${roomId}`);
  return { row: rows[0], sessions: sessions.rows, attendance: attendance.rows };
}

export const IDLE = { status: "idle", current_session_id: null, host_present: false };

/** Everything of the session is over, and the room is as if nothing had been on. */
export async function assertRoomEnded({ room_id, id, stream_id }) {
  const { row: found, sessions, attendance } = await room(room_id);
  assert.deepEqual(found, IDLE);
  const session = sessions.find((it) => it.id === id);
  assert.deepEqual([session.status, session.ended_at > session.started_at], ["ended", true]);
  assert.ok(attendance.every(({ left_at }) => left_at !== null), "nobody is in it any more");
  assert.equal((await row(stream_id)).status, "ended");
}

/** As seed 001 makes a room stuck, by hand. */
export async function stickRoom(roomId, sessionId) {
  await pool.query("update live_rooms set status = 'lobby', current_session_id = $2 where id = $1", [roomId, sessionId]);
}

/** Waits until somebody's visits to a session are as they should be; gives them. */
export async function untilVisits(roomId, areRight) {
  const deadline = Date.now() + 5_000;
  for (;;) {
    const { attendance } = await room(roomId);
    if (areRight(attendance)) return attendance;
    assert.ok(Date.now() < deadline, `the visits are ${JSON.stringify(attendance)}`);
    await pause(20);
  }
}

/** What the chat service's webhook has told of messages with this text. */
export async function chatLogs(text) {
  const { rows } = await pool.query("select * from chat_logs where text = $1 order by id", [text]);
  return rows;
}

/** A statement of a user's own, past all functions: as PostgREST would run it. Nothing of it is kept. */
export async function asUser(user, statement, values) {
  const client = await pool.connect();
  try {
    await client.query("begin");
    const claims = JSON.stringify({ sub: user, role: "authenticated" });
    await client.query("select set_config('request.jwt.claims', $1, true), set_config('role', 'authenticated', true)", [claims]);
    return (await client.query(statement, values)).rows;
  } finally {
    await client.query("rollback");
    client.release();
  }
}

/** Who holds a stream, until when, and for how long each has asked. */
export async function leases(streamId) {
  const { rows } = await pool.query(
    "select holder, lease_until, lease_seconds from streamkeeper.leases where kind = 'host' and subject = $1",
    [streamId],
  );
  return rows;
}

/** Waits until they are as they should be; gives them. */
export async function untilLeases(streamId, areRight) {
  const deadline = Date.now() + 5_000;
  for (;;) {
    const held = await leases(streamId);
    if (held.length > 0 && areRight(held)) return held;
    assert.ok(Date.now() < deadline, `the stream ${streamId} is held by ${JSON.stringify(held)}`);
    await pause(20);
  }
}

/** As if so much time had passed, in which the sweeper was alive, or away as well. */
export async function passTime(streamId, seconds, { sweeperWasAway = false } = {}) {
  const earlier = (column) => `${column} = ${column} - make_interval(secs => ${Number(seconds)})`;
  await pool.query(`update streamkeeper.leases set ${earlier("lease_until")} where subject = $1`, [streamId]);
  await pool.query(`update streamkeeper.sweeper set ${earlier(sweeperWasAway ? "last_run_at" : "alive_since")}`);
}

/** One run of the sweeper, whoever else is at it. */
export async function sweep() {
  for (;;) {
    const { rows } = await pool.query("select public.sweep() as run");
    if (rows[0].run.ran) return;
  }
}

/** As somebody with the database's own console would: no function of ours is called. */
export async function endByHand(streamId) {
  await pool.query("update livestreams set status = 'ended', ended_at = now(), end_reason = 'by hand' where id = $1", [streamId]);
}

/** Waits for the row, when there is no page left to wait for. */
export async function untilEnded(streamId) {
  const deadline = Date.now() + 3_000;
  while ((await row(streamId)).status !== "ended") {
    assert.ok(Date.now() < deadline, `the stream ${streamId} is still not ended`);
    await pause(50);
  }
}

/** All streams of these people, and how often each was ended. */
export async function streamsOf(people) {
  const { rows } = await pool.query(
    `select s.id, s.status, (select count(*) from end_attempts a where a.stream_id = s.id and a.outcome = 'ended')::int as ends
     from livestreams s where s.streamer_id = any($1)`,
    [people],
  );
  return rows;
}

/** An event, and what its host was told of its ends, with the mails. */
export async function event(id) {
  const { rows } = await pool.query("select * from events where id = $1", [id]);
  assert.equal(rows.length, 1, `one event with the id ${id}`);
  const notices = await pool.query(
    `select n.*, m.recipient, m.subject, m.message_id from notifications n left join emails m on m.notification_id = n.id
     where n.event_id = $1 order by n.generation`,
    [id],
  );
  return { row: rows[0], notices: notices.rows };
}

/** Waits until an event is as it should be; gives it, and its notices. */
export async function untilEvent(id, isRight, patience = 5_000) {
  const deadline = Date.now() + patience;
  for (;;) {
    const found = await event(id);
    if (isRight(found.row, found.notices)) return found;
    assert.ok(Date.now() < deadline, `the event is ${JSON.stringify(found)}`);
    await pause(50);
  }
}

/** As if gateways and sweeper had been there for an hour: in their first 45 s the absence of people ends nothing. */
export async function gatewaysAreOld() {
  await pool.query("update streamkeeper.nodes set alone_at = alone_at - interval '1 hour'");
  await pool.query("update streamkeeper.sweeper set alive_since = least(alive_since, clock_timestamp() - interval '1 hour')");
}
