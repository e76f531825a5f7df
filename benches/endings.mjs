/** A hundred streams that are to end while their pages go: how many of the ends are delivered. `cargo xtask bench endings` */
import { spawn, execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import puppeteer from "puppeteer-core";
import { Backend, FAULTS } from "./endings/backend.mjs";
import { FATES, draw } from "./endings/draw.mjs";
import { gate, live } from "./endings/life.mjs";
import { release, report, table } from "./report.mjs";

const RUNS = 100;
/** Pages that something happens to, and with them those that are only waited for. */
const AT_ONCE = 16;
const OPEN_AT_ONCE = 120;
/** From the moment at which a stream was to end: what has not come by then is not delivered. */
const SETTLED = 60_000;
/** The longest that a page which is seen asks for. */
const LEASE_SECONDS = 90;
const SECRET = "the secret of this bench, which is long enough";
const { CHROMIUM, DATABASE_URL, GATEWAY_BIN } = process.env;

const CONTENDERS = [
  { name: "the seed's loop", by: "seed-loop" },
  { name: release("p-retry"), by: "p-retry" },
  { name: `${release("p-retry")}, \`keepalive\``, by: "p-retry", options: { keepalive: true } },
  { name: "**Streamkeeper**", by: "streamkeeper" },
];

function token(sub) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part({ role: "authenticated", sub, exp: 32_503_680_000 })}`;
  return `${text}.${createHmac("sha256", SECRET).update(text).digest("base64url")}`;
}

async function startGateway() {
  execFileSync(GATEWAY_BIN, ["migrate"], { env: { DATABASE_URL }, stdio: ["ignore", "ignore", "pipe"] });
  const env = { DATABASE_URL, JWT_SECRET: SECRET, BIND: "127.0.0.1:0", ADMIN_TOKEN: "a-token-for-this-bench" };
  const child = spawn(GATEWAY_BIN, ["serve"], { env, stdio: ["ignore", "ignore", "pipe"] });
  process.on("exit", () => child.kill("SIGKILL"));
  for await (const line of createInterface(child.stderr)) {
    const [, port] = /listening address=127\.0\.0\.1:(\d+)/.exec(line) ?? [];
    if (!port) continue;
    child.stderr.resume();
    return { url: `http://127.0.0.1:${port}`, kill: () => child.kill() };
  }
  throw new Error("the gateway stopped before it listened");
}

const database = new pg.Pool({ connectionString: DATABASE_URL, max: 4 });
const gateway = await startGateway();
const backend = await new Backend(gateway.url).listen();
const browser = await puppeteer.launch({
  executablePath: CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--no-first-run"],
});

/** When a stream's ends were carried out. */
async function ends(stream) {
  const { rows } = await database.query("select at from end_attempts where stream_id = $1 and outcome = 'ended' order by id", [stream]);
  return rows.map(({ at }) => at.getTime());
}

const [open, active] = [gate(OPEN_AT_ONCE), gate(AT_ONCE)];

async function outcome({ by, options }, contender, number) {
  const user = `host-${contender}-${number}`;
  const run = { ...draw(number), name: `${contender}-${number}`, by, options, user, token: token(user) };
  const context = await browser.createBrowserContext();
  const address = backend.add(run);
  await active(() => live(context, address, run));
  const settled = run.begun + SETTLED;
  while ((await ends(run.stream)).length === 0 && Date.now() < settled) await pause(250);
  // An answer may be lost, and what was delivered be sent again.
  await pause(2_000);
  run.ended = (await ends(run.stream)).filter((at) => at <= settled);
  await context.close();
  return run;
}

/** What the sweeper makes of streams that nobody has held any more for so long. */
async function afterLeases(streams) {
  await database.query("update streamkeeper.leases set lease_until = lease_until - make_interval(secs => $1) where subject = any($2)", [LEASE_SECONDS, streams]);
  await database.query("update streamkeeper.sweeper set alive_since = alive_since - make_interval(secs => $1)", [LEASE_SECONDS]);
  for (let ran = false; !ran; ) ran = (await database.query("select public.sweep() as run")).rows[0].run.ran;
  return Promise.all(streams.map(ends));
}

const numbers = Array.from({ length: RUNS }, (_, number) => number);
const jobs = numbers.flatMap((number) => CONTENDERS.map((contender, n) => open(() => outcome(contender, n, number))));
const runs = await Promise.all(jobs);
const lives = CONTENDERS.map((_, n) => runs.filter((_, at) => at % CONTENDERS.length === n));
const ours = lives.at(-1);
const leased = await afterLeases(ours.map(({ stream }) => stream));

await browser.close();
backend.close();
gateway.kill();
await database.end();

const seconds = (milliseconds) => (milliseconds === Infinity ? "never" : `${(milliseconds / 1_000).toFixed(1)} s`);
const count = (list, is) => list.filter(is).length;
const delivered = (list) => count(list, ({ ended }) => ended.length > 0);
const by = (list, what, values) => values.map((value) => list.filter((run) => run[what] === value));
const titles = (what, values) => by(ours, what, values).map((list, n) => `${values[n]}, of ${list.length}`);

const leases = ours.map((run, n) => ({ ...run, ended: leased[n] }));

/** Half of the streams have ended by then, and all that end at all. */
function times(mine) {
  const after = mine.map(({ ended, begun }) => (ended.length > 0 ? ended[0] - begun : Infinity)).sort((a, b) => a - b);
  return [after[after.length >> 1], after.findLast((time) => time < Infinity) ?? Infinity].map(seconds);
}
const figures = (mine) => [
  delivered(mine),
  ...by(mine, "fate", FATES).map(delivered),
  count(mine, ({ ended }) => ended.length > 1),
];
const calls = (mine) => (mine.reduce((sum, { sent }) => sum + sent, 0) / RUNS).toFixed(1);
const names = CONTENDERS.map(({ name }) => name);
const late = `${names.at(-1)}, ${LEASE_SECONDS} s later, by its lease`;

const faults = Object.keys(FAULTS);
const all = table([
  ["who ends the stream", `delivered, of ${RUNS}`, ...titles("fate", FATES), "ended twice", "half of all within", "longest", "calls a run"],
  ...lives.map((mine, n) => [names[n], ...figures(mine), ...times(mine), calls(mine)]),
  [late, ...figures(leases), "–", "–", "–"],
]);
const byFault = table([
  ["delivered when the backend is", ...titles("fault", faults)],
  ...lives.map((mine, n) => [names[n], ...by(mine, "fault", faults).map(delivered)]),
]);
report("endings", `${all}\n\n${byFault}`);
if (leases.some(({ ended }) => ended.length !== 1)) {
  console.error("Every stream of Streamkeeper's has to end, and once.");
  process.exit(1);
}
