/** Idle viewers and busy ones, on one node beside a `ws` server that keeps the same books. `cargo xtask bench viewers` */
import { spawn, execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { join, leave } from "./viewers-client.mjs";

const IDLE = 10_000;
const AT_ONCE = 64;
const SECONDS = 10;
const SECRET = "the secret of this bench, which is long enough";
const DOCUMENT = new URL("../docs/benchmarks.md", import.meta.url);
const { GATEWAY_BIN, DATABASE_URL } = process.env;

function token(sub) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part({ role: "authenticated", sub, exp: 32_503_680_000 })}`;
  return `${text}.${createHmac("sha256", SECRET).update(text).digest("base64url")}`;
}

const memory = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;

/** A line of the log or the output that says where a server listens. */
async function portOf(stream, pattern) {
  for await (const line of createInterface({ input: stream })) {
    const found = pattern.exec(line);
    if (found) return Number(found[1]);
  }
  throw new Error("it stopped before it listened");
}

async function gateway() {
  const env = { DATABASE_URL, JWT_SECRET: SECRET, BIND: "127.0.0.1:0", ADMIN_TOKEN: "a-token-for-this-bench" };
  const child = spawn(GATEWAY_BIN, ["serve"], { env, stdio: ["ignore", "ignore", "pipe"] });
  const port = await portOf(child.stderr, /listening address=127\.0\.0\.1:(\d+)/);
  child.stderr.resume();
  const headers = { authorization: `Bearer ${token("host")}`, "content-type": "application/json" };
  const answer = await fetch(`http://127.0.0.1:${port}/events`, { method: "POST", headers, body: '{"title":"Bench"}' });
  const statements = async () => {
    const page = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { authorization: "Bearer a-token-for-this-bench" } });
    return Number(/event_changes_total\{outcome="done"\} (\d+)/.exec(await page.text())[1]);
  };
  return { child, port, path: `/events/${(await answer.json()).event_id}/ws`, statements };
}

async function peer() {
  const child = spawn(process.execPath, ["--expose-gc", new URL("viewers-ws.mjs", import.meta.url).pathname, SECRET], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const port = await portOf(child.stdout, /^(\d+)$/);
  return { child, port, path: "/events/bench/ws", settle: () => child.kill("SIGUSR2") };
}

async function measure({ child, port, path, settle, statements }) {
  const enter = (n) => join(port, path, n, token(`viewer-${n % 50_000}`));
  // Code that has run once takes no more room.
  for (const socket of await Promise.all([0, 1, 2].map(enter))) await leave(socket);
  settle?.();
  await pause(1_000);
  const before = memory(child.pid);
  const idle = [];
  while (idle.length < IDLE) {
    const first = idle.length;
    idle.push(...(await Promise.all(Array.from({ length: 100 }, (_, n) => enter(first + n)))));
  }
  settle?.();
  await pause(3_000);
  const each = (memory(child.pid) - before) / IDLE;
  const changes = await statements?.();

  let done = 0;
  const end = performance.now() + SECONDS * 1_000;
  const busy = async (worker) => {
    for (let n = 0; performance.now() < end; n++, done++) await leave(await enter(IDLE + worker * 100 + (n % 100)));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, (_, worker) => busy(worker)));
  for (const socket of idle) socket.removeAllListeners("close").destroy();
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
  return { each, perSecond: done / SECONDS, changes };
}

execFileSync(GATEWAY_BIN, ["migrate"], { env: { DATABASE_URL }, stdio: ["ignore", "ignore", "pipe"] });
const require = createRequire(new URL("../tests/e2e/package.json", import.meta.url));
const ours = await measure(await gateway());
const theirs = await measure(await peer());

const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
const row = (name, { each, perSecond }) => [name, kib(each), perSecond.toFixed(0)];
const rows = [
  ["server", "memory of an idle viewer", "joins and leaves a second"],
  ["---", "---", "---"],
  row("Streamkeeper's gateway, with PostgreSQL", ours),
  row(`ws ${require("ws/package.json").version} on Node ${process.versions.node}, without a database`, theirs),
];
const table = rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
const told = `What the gateway had told the database by then, of ${IDLE.toLocaleString("en")} viewers: ${ours.changes} changes.`;
console.log(`${table}\n\n${told}`);

const [start, stop] = ["<!-- viewers: written by the bench -->", "<!-- /viewers -->"];
const document = readFileSync(DOCUMENT, "utf8");
const [head, rest] = document.split(start);
writeFileSync(DOCUMENT, `${head}${start}\n${table}\n\n${told}\n${stop}${rest.split(stop)[1]}`);
if (ours.each > 8 * 1024 || ours.each >= theirs.each) {
  console.error("An idle viewer may take 8 KiB, and less than with ws.");
  process.exit(1);
}
