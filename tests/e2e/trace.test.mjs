/** The trace as a file, for a bug report. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { journey } from "./host.mjs";

journey("the trace can be saved, and tells the stream's story", async ({ host, page, context }) => {
  const downloadPath = await mkdtemp(join(tmpdir(), "streamkeeper-e2e-"));
  try {
    await host.goLive();
    await host.click("meeting-ready-to-close");
    await host.seesItEnded();

    const cdp = await page.createCDPSession();
    const browserContextId = context.id;
    const downloads = { behavior: "allow", browserContextId, downloadPath, eventsEnabled: true };
    await cdp.send("Browser.setDownloadBehavior", downloads);
    const saved = new Promise((resolve) => {
      cdp.on("Browser.downloadProgress", ({ state }) => state === "completed" && resolve());
    });
    await host.click("save-trace");
    await saved;

    const { version, entries } = JSON.parse(await readFile(join(downloadPath, "streamkeeper-trace.json"), "utf8"));
    assert.equal(version, 2);
    const outputs = entries.map(({ what }) => what.output);
    assert.equal(outputs.filter((output) => output === "end").length, 1);
  } finally {
    await rm(downloadPath, { recursive: true, force: true });
  }
});
