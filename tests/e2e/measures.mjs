/** What a page and a gateway have in their hands: memory, and everything that can be counted. */
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { DATABASE_URL } from "./environment.mjs";

const KILOBYTE = 1_024;

/** Measures a page in which `countOpenThings` and `paceTime` were there first. */
export async function pageMeasures(page) {
  const cdp = await page.createCDPSession();
  await cdp.send("HeapProfiler.enable");
  await cdp.send("Performance.enable");
  return async () => {
    // What is only reachable from what the first finds goes with the second.
    for (let i = 0; i < 2; i++) await cdp.send("HeapProfiler.collectGarbage");
    const { metrics } = await cdp.send("Performance.getMetrics");
    const of = (name) => metrics.find((it) => it.name === name).value;
    return {
      heapBytes: of("JSHeapUsedSize"),
      nodes: of("Nodes"),
      documents: of("Documents"),
      listeners: of("JSEventListeners"),
      ...(await page.evaluate(() => openThings())),
    };
  };
}

/** What a gateway has to have let go of when nobody is there any more. */
const BUSY = ["listing_readers", "event_connections", "relays", "relay_tasks", "relay_clients", "relay_bytes"];

/** Measures a gateway, with its own figures and the system's, once nothing is under way there; throws if that never comes. */
export async function gatewayMeasures(gateway, operatorToken, patience) {
  const deadline = performance.now() + patience;
  for (;;) {
    const gauges = await gaugesOf(gateway, operatorToken);
    const busy = BUSY.filter((name) => gauges[name] !== 0);
    if (busy.length === 0) {
      const [status, files] = await Promise.all([readFile(`/proc/${gateway.pid}/status`, "utf8"), readdir(`/proc/${gateway.pid}/fd`)]);
      const [, rss] = /^VmRSS:\s+(\d+) kB$/m.exec(status);
      return { rssBytes: Number(rss) * KILOBYTE, files: files.length, tasks: gauges.tasks };
    }
    if (performance.now() > deadline) throw new Error(`the gateway never let go: ${JSON.stringify(gauges)}`);
    await pause(100);
  }
}

/** Its gauges, each the sum over its labels. */
async function gaugesOf(gateway, token) {
  const response = await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${token}`, connection: "close" } });
  if (!response.ok) throw new Error(`/metrics answered ${response.status}`);
  const gauges = {};
  for (const [, name, value] of (await response.text()).matchAll(/^streamkeeper_(?:gateway_)?(\w+?)(?:\{.*\})? (\S+)$/gm)) {
    gauges[name] = (gauges[name] ?? 0) + Number(value);
  }
  return gauges;
}

/** Measures the database: who is connected to it, who waits, and who has begun something and does not go on. */
export async function databaseMeasures() {
  const client = new pg.Client({ connectionString: DATABASE_URL });
  await client.connect();
  try {
    const { rows } = await client.query(`
      select count(*)::int as connections,
        count(*) filter (where state like 'idle in transaction%' and state_change < now() - interval '5 s')::int as abandoned,
        (select count(*) from pg_locks where not granted and waitstart < now() - interval '5 s')::int as waiting
      from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`);
    return rows[0];
  } finally {
    await client.end();
  }
}
