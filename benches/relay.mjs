/** One transport stream to many clients, through the gateway and through nginx. `cargo xtask bench relay` */
import { spawn, spawnSync, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const CLIENTS = 400;
const PROBES = 8; // clients of which every picture's way is timed
const SECONDS = 20;
const DOCUMENT = new URL("../docs/benchmarks.md", import.meta.url);
const { GATEWAY_BIN, DATABASE_URL } = process.env;
const TICKS = Number(execFileSync("getconf", ["CLK_TCK"]));

/** So many addresses of this machine that no limit by address is reached. */
const addressOf = (n) => `127.2.${(n / 100) | 0}.${(n % 100) + 1}`;

/** A child that does not outlive us, whatever happens. */
function start(...of) {
  const child = spawn(...of);
  process.on("exit", () => child.kill("SIGKILL"));
  return child;
}

const firstLine = async (stream, pattern) => {
  for await (const line of createInterface({ input: stream })) {
    const found = pattern.exec(line);
    if (found) return found[1];
  }
  throw new Error("it stopped before it listened");
};

async function startOrigin() {
  const child = start(process.execPath, [new URL("relay-origin.mjs", import.meta.url).pathname], { stdio: ["ignore", "pipe", "inherit"] });
  const origin = { child, port: 0, connections: 0 };
  await new Promise((ready) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.startsWith("connections ")) origin.connections = Number(line.split(" ")[1]);
      else ready((origin.port = Number(line)));
    });
  });
  return origin;
}

async function gateway(origin) {
  const env = { DATABASE_URL, BIND: "127.0.0.1:0", RUST_LOG: "warn,streamkeeper_gateway=info" };
  const child = start(GATEWAY_BIN, ["serve", "--demo"], { env, stdio: ["ignore", "ignore", "pipe"] });
  const port = await firstLine(child.stderr, /listening address=127\.0\.0\.1:(\d+)/);
  child.stderr.resume();
  const post = async (path, body, token) => {
    const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    return { ok: answer.ok, body: await answer.json() };
  };
  const token = async (role) => (await post("/demo/token", { user_id: role, role })).body.access_token;
  const id = (await post("/rest/v1/rpc/start_stream", {}, await token("authenticated"))).body.stream_id;
  await post("/streams", { stream_id: id, ts: `http://127.0.0.1:${origin.port}/` }, await token("admin"));
  for (;;) {
    const playback = await post(`/streams/${id}/playback`, { kind: "ts" });
    if (playback.ok) return { child, port, path: playback.body.url };
    await pause(50);
  }
}

async function nginx(origin) {
  const home = mkdtempSync(join(tmpdir(), "streamkeeper-bench-"));
  const port = await new Promise((resolve) => {
    const free = createServer().listen(0, "127.0.0.1", () => {
      const { port } = free.address();
      free.close(() => resolve(port));
    });
  });
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${home}/${name};`);
  writeFileSync(
    join(home, "nginx.conf"),
    `daemon off; worker_processes 2; worker_rlimit_nofile 8192; pid ${home}/pid; error_log stderr warn;
     events { worker_connections 4096; }
     http { access_log off; ${temporary.join(" ")}
       server { listen 127.0.0.1:${port};
         location / { proxy_pass http://127.0.0.1:${origin.port}; proxy_http_version 1.1; proxy_buffering off; } } }`,
  );
  const child = start("nginx", ["-p", home, "-c", join(home, "nginx.conf"), "-e", "stderr"], { stdio: ["ignore", "ignore", "inherit"] });
  const server = { child, port, path: "/", home };
  for (;;) {
    const answers = await new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(socket.destroy()));
      socket.on("error", () => resolve(null));
    });
    if (answers) return server;
    await pause(50);
  }
}

/** A process and its children. */
function family(pid) {
  const parentOf = (id) => readFileSync(`/proc/${id}/stat`, "utf8").split(") ").pop().split(" ")[1];
  const children = readdirSync("/proc").filter((id) => {
    try {
      return /^\d+$/.test(id) && parentOf(id) === String(pid);
    } catch {
      return false; // gone meanwhile
    }
  });
  return [String(pid), ...children];
}
const total = (pid, of) => family(pid).reduce((sum, id) => sum + of(id), 0);
const cpu = (id) => {
  const fields = readFileSync(`/proc/${id}/stat`, "utf8").split(") ").pop().split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
};
const memory = (id) => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${id}/smaps_rollup`, "utf8"))[1]) * 1024;

const MARK = Buffer.from("left at:");

/** The nth client, once it has had something of the stream. */
function client({ port, path }, n, seen) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", localAddress: addressOf(n) });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("a client was let go")));
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    let rest = Buffer.alloc(0);
    socket.on("data", (data) => {
      seen.bytes += data.length;
      resolve(socket);
      if (n >= PROBES) return;
      const now = process.hrtime.bigint();
      const text = Buffer.concat([rest, data]);
      let at = 0;
      for (let found; (found = text.indexOf(MARK, at)) >= 0 && found + 16 <= text.length; at = found + 16) {
        seen.delays.push(Number(now - text.readBigInt64BE(found + 8)) / 1e6);
      }
      rest = text.subarray(Math.max(at, text.length - 15));
    });
  });
}

async function measure(server, clients, origin) {
  const pid = server.child?.pid;
  const seen = { bytes: 0, delays: [] };
  const before = pid && total(pid, memory);
  const sockets = [];
  while (sockets.length < clients) {
    const first = sockets.length;
    const many = Math.min(50, clients - first);
    sockets.push(...(await Promise.all(Array.from({ length: many }, (_, n) => client(server, first + n, seen)))));
  }
  await pause(3_000);
  Object.assign(seen, { bytes: 0, delays: [] });
  const [begun, busy] = [performance.now(), pid && total(pid, cpu)];
  await pause(SECONDS * 1_000);
  const seconds = (performance.now() - begun) / 1_000;
  const result = {
    cpu: pid && (total(pid, cpu) - busy) / seconds,
    memory: pid && (total(pid, memory) - before) / clients,
    rate: seen.bytes / seconds / clients,
    delays: seen.delays.sort((a, b) => a - b),
    upstream: origin.connections,
  };
  for (const socket of sockets) socket.removeAllListeners("close").destroy();
  if (pid) {
    const gone = new Promise((resolve) => server.child.once("exit", resolve));
    server.child.kill("SIGTERM");
    await gone;
  }
  if (server.home) rmSync(server.home, { recursive: true, force: true });
  return result;
}

execFileSync(GATEWAY_BIN, ["migrate"], { env: { DATABASE_URL }, stdio: ["ignore", "ignore", "pipe"] });
const version = /nginx\/([\d.]+)/.exec(spawnSync("nginx", ["-v"], { encoding: "utf8" }).stderr ?? "")?.[1];
const origin = await startOrigin();
const direct = await measure({ port: origin.port, path: "/" }, PROBES, origin);
const ours = await measure(await gateway(origin), CLIENTS, origin);
const theirs = version && (await measure(await nginx(origin), CLIENTS, origin));
origin.child.kill();

const at = ({ delays }, share) => delays[Math.floor((delays.length - 1) * share)];
const delay = (of) => [0.5, 0.99].map((share) => `${(at(of, share) - at(direct, share)).toFixed(1)} ms`);
const row = (name, of) => [
  name, `${((of.cpu / CLIENTS) * 1_000).toFixed(2)} ms`, (CLIENTS / of.cpu).toFixed(0), `${((of.rate * CLIENTS * 8) / 1e6).toFixed(0)} Mbit/s`,
  `${(of.memory / 1024).toFixed(1)} KiB`, ...delay(of), of.upstream,
];
const rows = [
  ["server", "CPU a second and client", "clients a core", "to all clients", "memory a client", "delay added, median", "99 %", "connections to the origin"],
  Array(8).fill("---"),
  row("Streamkeeper's gateway", ours),
  ...(theirs ? [row(`nginx ${version}, 2 workers, \`proxy_buffering off\``, theirs)] : []),
];
const table = rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
console.log(table);
if (!theirs) {
  console.error("There is no nginx on this machine: the gateway was measured alone, and docs/benchmarks.md is left as it was.");
  process.exit(0);
}
const [opening, closing] = ["<!-- relay: written by the bench -->", "<!-- /relay -->"];
const document = readFileSync(DOCUMENT, "utf8");
const [head, rest] = document.split(opening);
writeFileSync(DOCUMENT, `${head}${opening}\n${table}\n${closing}${rest.split(closing)[1]}`);
if (ours.rate < direct.rate * 0.98 || ours.upstream > 1) {
  console.error("Every client has to get the whole stream, from one connection to the origin.");
  process.exit(1);
}
