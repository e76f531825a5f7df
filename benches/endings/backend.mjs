/**
 * The site of each run, and the way to its backend, on which things go wrong. Each run has hosts of its own: a page's and,
 * as with Supabase, another one's for its backend, so that a browser asks first whether it may call there.
 */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

const HERE = new URL("page/", import.meta.url);
const MODULES = new URL("../node_modules/", import.meta.url);
const TYPES = { html: "text/html", js: "text/javascript", mjs: "text/javascript", wasm: "application/wasm" };
const ENDING = /\/rpc\/end_stream/;
const SLOW = 1_500;

const downFor = (milliseconds) => ({ isDown: ({ since }) => since < milliseconds });

/** What goes wrong from the moment at which the stream is to end. */
export const FAULTS = {
  well: {},
  "down for 3 s": downFor(3_000),
  "down for 8 s": downFor(8_000),
  slow: { before: () => pause(SLOW) },
  "500 now and then": { fails: ({ chance }) => chance() < 0.5 },
  "first answer lost": { isLost: ({ calls }) => calls === 1 },
};

export class Backend {
  #runs = new Map();
  #gateway;
  #server = createServer((request, response) => void this.#serve(request, response).catch(() => response.destroy()));

  constructor(gateway) {
    this.#gateway = gateway;
  }

  async listen() {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  close() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** `{ name, by, user, token, fault, chance }`; gives the address of its page. */
  add(run) {
    this.#runs.set(run.name, Object.assign(run, { calls: 0, sent: 0, begun: Infinity }));
    return this.#origin("page", run);
  }

  #origin(what, { name }) {
    return `http://${what}-${name}.localhost:${this.#server.address().port}`;
  }

  async #serve(request, response) {
    const [, what, name] = /^(\w+)-([\w-]+)\.localhost/.exec(request.headers.host);
    const run = this.#runs.get(name);
    if (what === "page") return this.#page(run, request.url, response);
    const origin = { "access-control-allow-origin": this.#origin("page", run), vary: "origin" };
    const fault = Date.now() >= run.begun ? FAULTS[run.fault] : {};
    if (request.method === "POST" && Date.now() >= run.begun) run.sent += 1;
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    await fault.before?.();
    if (fault.isDown?.({ since: Date.now() - run.begun })) return request.socket.destroy();
    if (request.method === "OPTIONS") {
      const allow = { "access-control-allow-methods": "POST", "access-control-allow-headers": "*, authorization", "access-control-max-age": "86400" };
      return response.writeHead(204, { ...origin, ...allow }).end();
    }
    if (fault.fails?.(run)) return response.writeHead(500, origin).end();
    const { authorization } = request.headers;
    const answer = await fetch(this.#gateway + request.url, {
      method: request.method,
      headers: { "content-type": "application/json", ...(authorization && { authorization }) },
      ...(request.method === "POST" && { body: Buffer.concat(chunks) }),
    });
    const body = await answer.text();
    if (ENDING.test(request.url)) run.calls += 1;
    if (ENDING.test(request.url) && fault.isLost?.(run)) return request.socket.destroy();
    response.writeHead(answer.status, { ...origin, "content-type": answer.headers.get("content-type") ?? "text/plain" }).end(body);
  }

  async #page(run, url, response) {
    const json = ({ by, options, user, token }) => JSON.stringify({ by, options, user, token, backend: this.#origin("backend", run) });
    if (url === "/session") return response.writeHead(200, { "content-type": "application/json" }).end(json(run));
    const file = url.startsWith("/modules/") ? new URL(url.slice("/modules/".length), MODULES) : new URL(url.slice(1) || "index.html", HERE);
    const body = await readFile(file).catch(() => null);
    if (!body) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": TYPES[file.pathname.split(".").at(-1)] ?? "text/plain" }).end(body);
  }
}
