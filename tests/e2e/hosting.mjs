/** A host in a bare page without a demo around it, with short times; see `faulty-gateway.mjs`. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { leases } from "./database.mjs";
import { FIREFOX } from "./environment.mjs";

/** Has a bare page be the host's, in the meeting: of a new stream, or of the one that is given. Gives the stream's id. */
export async function host(url, page, token, streamId = null) {
  await page.goto(`${url}/lab/`);
  return page.evaluate(
    async (token, streamId) => {
      const { ConnectionManager } = await initialised();
      globalThis.token = token;
      globalThis.manager = ConnectionManager.shared({
        backend: { url: location.origin, accessToken: () => globalThis.token },
        ending: { delays: [50], timeout: 400, leaveGrace: 200, hostGrace: 5_000 },
        logger: {},
      });
      const id = streamId ?? (await manager.startStream()).stream_id;
      const listeners = new Map();
      const meeting = { on: (name, listener) => listeners.set(name, listener), off: (name) => listeners.delete(name) };
      globalThis.tell = (name) => listeners.get(name)?.({});
      manager.attachMeeting(meeting, { streamId: id, streamerId: "ana", role: "host" });
      tell("videoConferenceJoined");
      return id;
    },
    token,
    streamId,
  );
}

/** Waits until so many pages hold the stream. */
export async function untilHeld(id, pages) {
  const deadline = Date.now() + 5_000;
  while ((await leases(id)).length < pages) {
    assert.ok(Date.now() < deadline, "the stream is not held");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Kills the page's renderer, as a crash does. */
export async function kill(page) {
  if (FIREFOX) return killProcess(await processOf(page));
  const crashed = new Promise((resolve) => page.once("error", resolve));
  (await page.createCDPSession()).send("Page.crash").catch(() => {});
  await crashed;
}

/** The process that a page of Firefox's is in: asked inside of the browser itself. */
async function processOf(page) {
  const { connection } = page.browser();
  const tree = await connection.send("browsingContext.getTree", { "moz:scope": "chrome" });
  const [{ context }] = tree.result.contexts;
  const manager = "chrome://remote/content/shared/NavigableManager.sys.mjs";
  const expression = `ChromeUtils.importESModule(${JSON.stringify(manager)}).NavigableManager
    .getBrowsingContextById(${JSON.stringify(page.mainFrame()._id)}).currentWindowGlobal.osPid`;
  const answer = await connection.send("script.evaluate", { expression, target: { context }, awaitPromise: false });
  return answer.result.result.value;
}

async function killProcess(id) {
  const isThere = () => {
    try {
      return process.kill(id, 0);
    } catch {
      return false;
    }
  };
  process.kill(id, "SIGKILL");
  while (isThere()) await pause(20);
}
