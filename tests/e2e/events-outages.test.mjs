/** Gateways that stop or die under their viewers, and hosts whose browsers do: nobody is taken for gone who is not. */
import assert from "node:assert/strict";
import { attend, makeEvent, PATIENCE, untilOver, untilWatched, withViewer } from "./audience.mjs";
import { pageTest, together } from "./browser.mjs";
import { event, gatewaysAreOld, row, untilEvent } from "./database.mjs";
import { DEMO_URL } from "./environment.mjs";
import { callAs } from "./gateway.mjs";
import { Host, journey, somebody } from "./host.mjs";
import { kill } from "./hosting.mjs";
import { OwnGateway } from "./own-gateway.mjs";

together("gateways and browsers that go", () => {
  for (const signal of ["SIGTERM", "SIGKILL"]) {
    pageTest(`a viewer comes back by itself when the gateway is restarted after ${signal}, and nothing has ended`, async ({ page, t }) => {
      const gateway = await OwnGateway.start(t);
      const host = somebody();
      const { event_id: id } = await callAs(host, "create_event", { p_title: "Premiere" });
      await gatewaysAreOld();
      const viewer = await attend(page, id, { url: gateway.url });
      await untilWatched(id);

      await gateway.stop(signal);
      await viewer.sees("event-page", "connecting");
      await gateway.start();
      await viewer.sees("event-page", "open");
      await viewer.sees("event-viewers", "1");
      const { row, notices } = await untilWatched(id);
      assert.deepEqual([row.generation, row.empty_since, notices], [1, null, []]);
    });
  }

  journey("a host's browser is killed: the media server says so, and stream, room and event are over within seconds", async ({ host, page }) => {
    await gatewaysAreOld();
    const session = await host.beginSession("go-live");
    await host.click("view-event");
    const id = await makeEvent(host, "event-create-of-stream");
    await withViewer(page, id, async (viewer) => {
      await untilWatched(id);
      await kill(page);
      const said = await fetch(`${DEMO_URL}/demo/meetings/${session.stream_id}/destroyed`, { method: "POST" });
      assert.equal((await said.json()).outcome, "ending");
      await untilEvent(id, ({ status }) => status === "ended", PATIENCE);
      await viewer.sees("event-page", "ended");
    });
    assert.equal((await row(session.stream_id)).status, "ended");
    const { row: found, notices } = await untilOver(id);
    assert.deepEqual([found.ended_by, notices.length], ["stream", 1]);
  });

  journey("a host whose browser only seems to be killed finds the stream ended when the network is back", async ({ host }) => {
    const id = await host.goLive();
    await host.click("fault-killed");
    await host.sees("timeline", "In 10 s, so is the stream.");
    const deadline = Date.now() + PATIENCE;
    while ((await row(id)).status !== "ended") {
      assert.ok(Date.now() < deadline, "the stream goes on");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await host.click("fault-offline");
    await host.seesItEnded();
    assert.equal(host.endCalls, 0);
  });
});
