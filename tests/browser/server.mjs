// A server that answers as a test tells it to: `node server.mjs [PORT]`, on loopback, without dependencies.
//
//   POST /script {"answers": [{status, body, type, headers, delay_ms, drop, hang}, …], "renewals"?}  →  {"id": "…"}
//   ANY  /s/<id>/…     the next answer; the last one repeats. `drop` closes the socket, `hang` never answers.
//   GET  /log/<id>     what was asked under that id: [{method, path, headers, body}, …]
//   GET  /health       ok
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const port = Number(process.argv[2] ?? 8797);

/** id → { answers, next, log } */
const scripts = new Map();

async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function send(response, status, body, type = "application/json", headers = {}) {
  response.writeHead(status, { ...headers, "content-type": type });
  response.end(body);
}

/** Any origin, and whatever a preflight asks for. */
function allow(request, response) {
  response.setHeader("access-control-allow-origin", request.headers.origin ?? "*");
  response.setHeader("access-control-allow-credentials", "true");
  response.setHeader("access-control-allow-methods", request.headers["access-control-request-method"] ?? "GET, POST");
  response.setHeader("access-control-allow-headers", request.headers["access-control-request-headers"] ?? "*");
  response.setHeader("access-control-expose-headers", "*");
  response.setHeader("vary", "origin");
}

async function play(script, request, response) {
  const { method, url: path, headers } = request;
  // A lease is renewed whenever its time has come: answered as the database does, unless the script is about that.
  if (path.endsWith("/touch_stream") && !script.renewals) return send(response, 200, '{"status":"live"}');
  script.log.push({ method, path, headers, body: await read(request) });
  const answer = script.answers[Math.min(script.next++, script.answers.length - 1)];
  await sleep(answer.delay_ms ?? 0);
  if (answer.drop) return request.socket.destroy();
  if (answer.hang) return;
  send(response, answer.status ?? 200, answer.body ?? "", answer.type, answer.headers);
}

async function handle(request, response) {
  allow(request, response);
  if (request.method === "OPTIONS") return send(response, 204, "");
  const [, room, id] = new URL(request.url, "http://localhost").pathname.split("/");
  if (room === "health") return send(response, 200, "ok", "text/plain");
  if (room === "script" && request.method === "POST") {
    const { answers, renewals } = JSON.parse(await read(request));
    if (!Array.isArray(answers) || answers.length === 0) return send(response, 400, '{"message":"no answers"}');
    const id = randomUUID();
    scripts.set(id, { answers, renewals, next: 0, log: [] });
    return send(response, 200, JSON.stringify({ id }));
  }
  const script = scripts.get(id);
  if (script && room === "log") return send(response, 200, JSON.stringify(script.log));
  if (script && room === "s") return play(script, request, response);
  send(response, 404, '{"message":"no such script"}');
}

const server = createServer((request, response) => {
  handle(request, response).catch((error) => {
    if (response.headersSent) response.destroy();
    else send(response, 400, JSON.stringify({ message: String(error) }));
  });
});

server.listen(port, "127.0.0.1", () => console.log(`scripted server on http://127.0.0.1:${server.address().port}`));
process.on("SIGTERM", () => process.exit(0));
