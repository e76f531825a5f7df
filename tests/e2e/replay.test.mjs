/** A page's own trace runs the page again, natively: the same outputs, or where they differ. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeEvent } from "./audience.mjs";
import { chatJourney } from "./chatter.mjs";
import { gatewaysAreOld } from "./database.mjs";

const { REPLAY_BIN } = process.env;
if (!REPLAY_BIN) throw new Error("REPLAY_BIN is missing: run `cargo xtask test e2e`");

/** Replays a trace as a file; gives what was printed, and the exit code. */
async function replay(trace, ...options) {
  const directory = await mkdtemp(join(tmpdir(), "streamkeeper-e2e-"));
  try {
    const file = join(directory, "trace.json");
    await writeFile(file, trace);
    const { status, stdout, stderr } = spawnSync(REPLAY_BIN, [file, ...options], { encoding: "utf8" });
    return { status, said: stdout + stderr };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const show = (page, state) =>
  page.evaluate((state) => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);

/** The trace; by then it is a story with this in it. */
async function traceOf(someone, told) {
  const trace = await someone.manager((manager) => manager.exportTrace());
  const { version, dropped, entries } = JSON.parse(trace);
  assert.deepEqual([version, dropped], [2, 0]);
  const names = new Set(entries.map(({ what }) => what.input ?? what.output ?? "quiet"));
  for (const name of told) assert.ok(names.has(name), `${name} is not among ${[...names]}`);
  assert.ok(!trace.includes(someone.user), "nobody is named");
  return trace;
}

chatJourney("a page's chat, stream, event and outage are replayed, and what came after its reload", async ({ page, comeIn }) => {
  const ana = await comeIn("ana");
  await ana.say("a word that nobody else is to read");
  await ana.sees("messages", "a word that nobody else is to read");
  await ana.click("view-room");
  await ana.goLive();
  await ana.stir();

  await show(page, "hidden");
  await show(page, "visible");
  await page.setOfflineMode(true);
  await page.waitForFunction(() => !globalThis[Symbol.for("streamkeeper")].manager.getSnapshot().presence.online);
  await page.setOfflineMode(false);
  await ana.click("view-chat");
  await ana.isConnected();

  await gatewaysAreOld();
  await ana.click("view-event");
  await makeEvent(ana);
  await ana.click("event-watch");
  await ana.sees("event-page", "open");

  const before = await traceOf(ana, ["quiet", "goLive", "attach", "page", "chat", "status", "watch event", "socket", "feed", "send", "answer"]);
  assert.ok(!before.includes("nobody else"), "nor is what they said");
  const replayed = await replay(before);
  assert.equal(replayed.status, 0, replayed.said);
  assert.match(replayed.said, /\n {4}· streams\.[0-9a-f]{8}: none → \(role host, status live/);
  assert.match(replayed.said, /\nthe same: \d+ entries with all that came of them, over 0:0\d:\d\d\.\d{3}\n$/);

  await page.reload();
  await ana.click("view-room");
  await ana.sees("stream-status", "live");
  await ana.sees("timeline", "videoConferenceJoined");
  await ana.sees("db-status", "live");
  await ana.endRoom();
  await ana.seesItEnded();
  const after = await traceOf(ana, ["myRoom", "attach", "meeting", "endRoom", "endAttempt", "end"]);
  assert.equal((await replay(after, "--quiet")).status, 0);

  const trace = JSON.parse(after);
  const at = trace.entries.findIndex(({ what }) => what.output === "end");
  trace.entries[at].what.data.reason = "somebody";
  const tampered = await replay(JSON.stringify(trace), "--quiet");
  assert.equal(tampered.status, 1);
  const [where, expected, got] = tampered.said.split("\n");
  assert.match(where, new RegExp(`^at 0:0\\d:\\d\\d\\.\\d{3}: entries\\[${at}\\] is another one$`));
  assert.match(expected, /^ {2}expected {2}end: .*reason somebody/);
  assert.match(got, /^ {2}got {7}end: .*reason room_ended/);

  const cut = await replay(after.slice(0, -2), "--quiet");
  assert.equal(cut.status, 2);
  assert.match(cut.said, /^error: the trace is cut, or no JSON: the end of the file at line 1 column \d+; it must be `.`\n$/);
});
