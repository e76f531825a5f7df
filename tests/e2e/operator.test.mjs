/** The operator's page: only for who has the token, with the database's numbers, and with what helps where something is wrong. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after } from "node:test";
import pg from "pg";
import { pageTest } from "./browser.mjs";
import { DATABASE_URL, DEMO_URL } from "./environment.mjs";
import { look } from "./looks.mjs";
import { OwnGateway } from "./own-gateway.mjs";

const TOKEN = "a-token-for-operators";

const database = new pg.Pool({ connectionString: DATABASE_URL, max: 1 });
after(() => database.end());

const well = (part, is) => `[data-testid="panel-${part}"][data-well="${is}"]`;

/** A number of a panel, as it is to be read. */
const number = (page, part, name) => page.$eval(`[data-testid="panel-${part}"] [data-number="${name}"]`, (element) => element.textContent);

/** Looks again, and waits until that has been seen. */
async function refresh(page) {
  const before = await page.$eval("time", (time) => time.dateTime);
  await page.click('[data-testid="refresh"]');
  await page.waitForFunction((earlier) => document.querySelector("time").dateTime !== earlier, {}, before);
}

/** Runs what the page says is to be done. */
async function obey(page, part) {
  const sql = await page.$eval(`[data-testid="panel-${part}"] .advice code`, (code) => code.textContent);
  await database.query(sql);
  await refresh(page);
}

/** In the page: what it goes on doing by itself. */
function countTimers() {
  window.timers = new Set();
  const { setInterval: set, clearInterval: clear } = window;
  window.setInterval = (...given) => {
    const timer = set(...given);
    window.timers.add(timer);
    return timer;
  };
  window.clearInterval = (timer) => {
    window.timers.delete(timer);
    clear(timer);
  };
}

pageTest("the token opens the page, and is nowhere but in its memory", async ({ t, page, said }) => {
  const gateway = await OwnGateway.start(t, undefined, { ADMIN_TOKEN: TOKEN });
  const give = async (token) => {
    await page.waitForSelector('[data-testid="token"]');
    await page.type('[data-testid="token"]', token);
    await page.keyboard.press("Enter");
  };
  await page.evaluateOnNewDocument(countTimers);
  await page.goto(`${gateway.url}/operator`);
  await give("a-token-for-nobody");
  await page.waitForSelector('[role="alert"]');
  assert.equal(await page.$("[data-well]"), null, "nothing is to be seen without it");
  await page.waitForFunction(() => window.timers.size === 0);
  await page.$eval('[data-testid="token"]', (input) => input.select());
  await give(TOKEN);
  await page.waitForSelector("[data-well]");
  assert.equal(await page.$('[role="alert"]'), null);
  await page.waitForFunction(() => window.timers.size === 1);
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href]));
  assert.ok(!kept.includes(TOKEN), kept);
  await page.reload();
  await page.waitForSelector('[data-testid="token"]');
  assert.deepEqual(said.filter((line) => !line.includes("401")), [], "nothing that its policy forbids");
});

/** What the database says, asked past the gateway. */
async function counted() {
  const { rows } = await database.query(`
    select (select count(*) from livestreams where status = 'live')::text as live,
      (select count(*) from live_rooms)::text as rooms,
      (select count(*) from live_room_sessions where status = 'live')::text as sessions,
      (select count(*) from events where status = 'ended' and ended_at >= date_trunc('day', now(), 'UTC') - interval '13 days')::text as ended,
      (select count(*) from notifications where state = 'sent' and created_at > now() - interval '14 days')::text as sent,
      (select attempts from end_attempt_stats(date_trunc('day', now(), 'UTC'), now()))::text as attempts,
      (chat_usage(now() - interval '24 hours', now()) ->> 'connections') as connections`);
  return rows[0];
}

const shown = async (page) => ({
  live: await number(page, "streams", "live now"),
  rooms: await number(page, "rooms", "rooms"),
  sessions: await number(page, "rooms", "live"),
  ended: await number(page, "notices", "events ended"),
  sent: await number(page, "notices", "sent"),
  attempts: await number(page, "ends", "attempts today"),
  connections: await number(page, "connections", "in 24 hours"),
});

pageTest("it says what the database has", async ({ page }) => {
  const id = randomUUID();
  await database.query("insert into livestreams (id, streamer_id, title, status, started_at, last_seen_at) values ($1, 'op-host', 'For the operator', 'live', now(), now())", [id]);
  try {
    await page.goto(`${DEMO_URL}/operator`);
    await page.waitForSelector("[data-well]");
    // The demo goes on meanwhile: until nothing has changed between two looks at the database.
    const looks = 50;
    for (let look = 1; ; look += 1) {
      assert.ok(look <= looks, `the database was never the same before and after ${looks} looks`);
      const before = await counted();
      await refresh(page);
      const onPage = await shown(page);
      if (JSON.stringify(before) !== JSON.stringify(await counted())) continue;
      assert.deepEqual(onPage, before);
      break;
    }
    const streams = await page.$eval('[data-testid="panel-streams"] table', (table) => table.textContent);
    assert.ok(streams.includes("For the operator") && streams.includes("by nobody yet"), streams);
  } finally {
    await database.query("select end_stream_comprehensive(p_stream_id => $1)", [id]);
  }
});

pageTest("what is wrong is said with what helps, and that helps; it is accessible", async ({ page }) => {
  // Its own policy would keep the tool out that looks on.
  await page.setBypassCSP(true);
  const streams = Array.from({ length: 100 }, () => randomUUID());
  const user = `op-${randomUUID()}`;
  await database.query("insert into live_rooms (host_user_id, status) values ($1, 'lobby')", [user]);
  await database.query(
    "insert into end_attempts (stream_id, actor, role, outcome, attempt) select id, $2, 'authenticated', 'not_found', 1 from unnest($1::uuid[]) id",
    [streams, user],
  );
  try {
    await page.goto(`${DEMO_URL}/operator`);
    await page.waitForSelector(well("rooms", false));
    await page.waitForSelector(well("ends", false));
    const needed = await page.$eval('[data-testid="needed"]', (list) => list.textContent);
    assert.ok(needed.includes("Rooms") && needed.includes("Ends"), needed);
    await look(page, "operator");
    await obey(page, "rooms");
    await page.waitForSelector(well("rooms", true));
  } finally {
    await database.query("delete from end_attempts where stream_id = any ($1)", [streams]);
    await database.query("delete from live_rooms where host_user_id = $1", [user]);
  }
});

pageTest("a gateway that has died needs somebody for some minutes, and is a quiet row then", async ({ page }) => {
  const id = `op-${randomUUID()}`;
  const heard = (age) =>
    database.query(
      `insert into streamkeeper.nodes (id, started_at, heartbeat_at) values ($1, now() - interval '2 h', now() - $2::interval)
       on conflict (id) do update set heartbeat_at = excluded.heartbeat_at`,
      [id, age],
    );
  const panel = () => page.$eval('[data-testid="panel-viewers"]', (element) => element.textContent);
  try {
    await heard("1 min");
    await page.goto(`${DEMO_URL}/operator`);
    await page.waitForSelector(well("viewers", false));
    assert.ok((await panel()).includes(`Gateway ${id} has not said`), await panel());
    await heard("1 h");
    await refresh(page);
    const after = await panel();
    assert.ok(!after.includes(`Gateway ${id} has not said`) && after.includes(`${id}1 h 0 min ago, and gone`), after);
  } finally {
    await database.query("delete from streamkeeper.nodes where id = $1", [id]);
  }
});
