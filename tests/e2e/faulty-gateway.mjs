/** A way to the demo's gateway on which things go wrong as they are told to. It serves the package as well, to a bare page. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { DEMO_URL } from "./environment.mjs";

/** The packed tarball, as `www/` has it installed. */
const PACKAGE = new URL("../../www/node_modules/streamkeeper/", import.meta.url);
const TYPES = { html: "text/html", js: "text/javascript", wasm: "application/wasm" };
const PAGE = `<!doctype html><title>Host</title><script>
  globalThis.initialised = () => import("./dist/index.js").then(async (module) => (await module.default(), module));
</script>`;

const shaped = (status, code) => ({ status, body: JSON.stringify({ code, message: "no", details: null, hint: null }) });

/** What is answered instead of the gateway's own answer; `null`: nothing, ever. */
const ANSWERS = {
  500: () => ({ status: 500, body: "" }),
  503: () => ({ status: 503, body: "" }),
  429: () => ({ status: 429, body: "" }),
  refused: () => shaped(403, "42501"),
  "not deployed": () => shaped(404, "PGRST202"),
  html: () => ({ status: 200, body: "<h1>Welcome to our network</h1>", type: "text/html" }),
  silence: () => null,
};

export class FaultyGateway {
  #server = createServer((request, response) => void this.#serve(request, response).catch(() => response.destroy()));
  /** The name of what goes wrong with calls to the database; `null`: nothing. */
  fault = null;
  /** Which calls those are: `/rooms/…` are the gateway's own. */
  faulty = ["/rest/"];
  /** How many calls have met a fault. */
  met = 0;
  #waiting = [];

  async open() {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.url = `http://127.0.0.1:${this.#server.address().port}`;
    return this;
  }

  close() {
    this.cut();
    this.#server.close();
  }

  /** Cuts every connection that is open. */
  cut() {
    this.#server.closeAllConnections();
  }

  /** Resolves when a call of that function, or of a route of that ending, has met the fault. */
  meets(name = "end_stream_comprehensive") {
    return new Promise((resolve) => this.#waiting.push({ name, resolve }));
  }

  async #serve(request, response) {
    const { pathname } = new URL(request.url, this.url);
    if (pathname === "/lab/") return response.writeHead(200, { "content-type": TYPES.html }).end(PAGE);
    if (pathname.startsWith("/lab/")) return this.#file(pathname.slice("/lab/".length), response);
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    if (this.fault && this.faulty.some((prefix) => pathname.startsWith(prefix))) return this.#fail(request, Buffer.concat(chunks), response);
    const answer = await this.#forward(request, Buffer.concat(chunks));
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "text/plain" });
    // The listing's feed has no end.
    await (answer.body ? pipeline(Readable.fromWeb(answer.body), response) : response.end());
  }

  async #fail(request, body, response) {
    const { fault } = this;
    // The token that the page has at hand; the one that it is given when it asks anew is good.
    if (fault.expired && request.headers.authorization !== `Bearer ${fault.expired}`) {
      const answer = await this.#forward(request, body);
      return response.writeHead(answer.status, { "content-type": "application/json" }).end(await answer.text());
    }
    if (fault === "answer lost") await (await this.#forward(request, body)).arrayBuffer();
    this.met += 1;
    const meets = ({ name }) => request.url.endsWith(`/${name}`);
    this.#waiting.filter(meets).forEach(({ resolve }) => resolve());
    this.#waiting = this.#waiting.filter((waiting) => !meets(waiting));
    if (fault === "unreachable" || fault === "answer lost") return request.socket.destroy();
    if (fault === "reset") {
      response.writeHead(200, { "content-type": "application/json", "content-length": 1_000 });
      return response.write('{"status":"en', () => request.socket.destroy());
    }
    const answer = fault.expired ? shaped(401, "PGRST303") : ANSWERS[fault]();
    if (answer) response.writeHead(answer.status, { "content-type": answer.type ?? "application/json" }).end(answer.body);
  }

  #forward(request, body) {
    const { authorization, apikey, accept } = request.headers;
    const headers = Object.fromEntries(Object.entries({ authorization, apikey, accept }).filter(([, value]) => value));
    return fetch(DEMO_URL + request.url, {
      method: request.method,
      headers: { ...headers, "content-type": "application/json" },
      ...(request.method === "POST" && { body }),
    });
  }

  async #file(name, response) {
    const body = await readFile(fileURLToPath(new URL(name, PACKAGE))).catch(() => null);
    if (!body) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": TYPES[name.split(".").at(-1)] ?? "text/plain" }).end(body);
  }
}
