/** The network goes away while the stream ends, and comes back. */
import assert from "node:assert/strict";
import { assertEndedOnce, assertLive } from "./database.mjs";
import { journey } from "./host.mjs";

/** The browser's own network, and the demo's switch. */
const switches = {
  "the browser's network": ({ page }, there) => page.setOfflineMode(!there),
  "the demo's switch": ({ host }) => host.click("fault-offline"),
};

for (const [name, set] of Object.entries(switches)) {
  journey(`${name} goes away, the meeting is closed, it comes back: ended once`, async (given) => {
    const { host } = given;
    const id = await host.goLive();
    await set(given, false);
    await host.sees("timeline", "The network is away");

    await host.click("meeting-ready-to-close");
    await host.sees("stream-status", "ending");
    await host.sees("stream-error", "the backend was not reached");
    await assertLive(id);

    await set(given, true);
    await host.seesItEnded();
    const lost = (await host.outputs("endAttempt")).filter(({ data }) => !data.ok).length;
    // `online` may come a moment before the network does: then more than one is lost.
    assert.ok(lost >= 1);
    await assertEndedOnce(id, { reason: "readyToClose", attempt: lost + 1 });
  });
}
