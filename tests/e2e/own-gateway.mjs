/** A gateway of a test's own, beside the demo's and on the same database: one that can be stopped, killed and started again. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { DATABASE_URL, GATEWAY_BIN } from "./environment.mjs";

const SITE = fileURLToPath(new URL("../../www/dist/", import.meta.url));

export class OwnGateway {
  #port = 0;
  #process = null;
  #site;
  #variables;

  constructor(site, variables) {
    this.#site = site;
    this.#variables = variables;
  }

  /** Starts one that is gone when the test is over. `site`: the folder of the page that it serves; `variables`: settings beside the usual ones. */
  static async start(t, site = SITE, variables = {}) {
    const gateway = new OwnGateway(site, variables);
    t.after(() => gateway.stop("SIGKILL"));
    await gateway.start();
    return gateway;
  }

  get port() {
    return this.#port;
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  get pid() {
    return this.#process.pid;
  }

  /** Again at the same address, with the same secret: tokens are still good. */
  async start() {
    const env = { DATABASE_URL, DEMO_DIR: this.#site, BIND: `127.0.0.1:${this.#port}`, JWT_SECRET: "the secret of a gateway that is restarted", ...this.#variables };
    this.#process = spawn(GATEWAY_BIN, ["serve", "--demo"], { env, stdio: ["ignore", "ignore", "pipe"] });
    for await (const line of createInterface(this.#process.stderr)) {
      const [, port] = /listening address=127\.0\.0\.1:(\d+)/.exec(line) ?? [];
      if (!port) continue;
      this.#port = Number(port);
      // What it says from now on is read by nobody, and must not fill the pipe.
      this.#process.stderr.resume();
      return;
    }
    assert.fail("the gateway stopped before it listened");
  }

  /** `SIGTERM`: as a deployment does; `SIGKILL`: as a power cut does. Resolves when it is gone. */
  async stop(signal) {
    const gateway = this.#process;
    if (!gateway || gateway.exitCode !== null || gateway.signalCode !== null) return;
    gateway.kill(signal);
    await once(gateway, "exit");
  }
}
