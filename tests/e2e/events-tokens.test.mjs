/** A viewer's token: it is replaced in time, and seen by the gateway only. */
import assert from "node:assert/strict";
import { attend, eventJourney, untilWatched } from "./audience.mjs";
import { withWindow } from "./browser.mjs";
import { event } from "./database.mjs";
import { ViewerSockets } from "./viewer-sockets.mjs";

const of = (messages, type) => messages.filter((message) => message.type === type);

/** Those that were let in: a page that learns who it is while it connects begins anew. */
const welcomed = (sockets) => sockets.filter(({ received }) => of(received, "welcome").length > 0);

eventJourney("a token is replaced before it ends, on the same socket, without anybody noticing", async ({ host, page, id }) => {
  await withWindow(page, async (other) => {
    const sockets = await ViewerSockets.of(other);
    // A page takes half a minute at the least.
    const viewer = await attend(other, id, { query: "&lifetime=40" });
    await host.sees("event-viewers", "1");
    await sockets.until((all) => all.some(({ received }) => of(received, "authenticated").length > 0));

    const [socket, ...more] = welcomed(sockets.all);
    assert.deepEqual([more, socket.isClosed], [[], false]);
    const [[welcome], [authenticated]] = [of(socket.received, "welcome"), of(socket.received, "authenticated")];
    assert.ok(authenticated.expires_at > welcome.expires_at);
    const [[hello], [auth]] = [of(socket.sent, "hello"), of(socket.sent, "auth")];
    assert.notEqual(auth.token, hello.token);
    await viewer.sees("event-page", "open");
    const { row, notices } = await event(id);
    assert.deepEqual([row.generation, row.viewers_gone_since, notices], [1, null, []]);
  });
});

eventJourney("a viewer's token is in no address, no header of a socket, no trace and no storage", async ({ page, id }) => {
  await withWindow(page, async (other) => {
    const said = [];
    other.on("console", (message) => said.push(message.text()));
    const addresses = [];
    other.on("request", (request) => addresses.push(request.url()));
    const sockets = await ViewerSockets.of(other);
    const viewer = await attend(other, id);
    await untilWatched(id);
    await viewer.click("fault-offline");
    await viewer.sees("event-page", "connecting");
    await viewer.click("fault-offline");
    await viewer.sees("event-page", "open");

    const [first, second, ...more] = welcomed(sockets.all);
    assert.deepEqual(more, []);
    for (const { url, sent } of [first, second]) {
      assert.deepEqual([new URL(url).search, new URL(url).pathname], ["", `/events/${id}/ws`]);
      assert.equal(sent[0].type, "hello");
    }
    const { token } = second.sent[0];
    const seen = await other.evaluate(() => ({
      trace: globalThis[Symbol.for("streamkeeper")].manager.exportTrace(),
      snapshot: JSON.stringify(globalThis[Symbol.for("streamkeeper")].manager.getSnapshot()),
      page: document.documentElement.outerHTML,
      storage: JSON.stringify([{ ...localStorage }, { ...sessionStorage }]),
      cookies: document.cookie,
      resources: performance.getEntries().map((entry) => entry.name).join("\n"),
    }));
    assert.ok(JSON.parse(seen.trace).entries.some(({ what }) => JSON.stringify(what).includes(id)), "the trace has the event");
    const headers = JSON.stringify(sockets.all.map((socket) => socket.headers));
    const places = { ...seen, headers, console: said.join("\n"), addresses: addresses.join("\n") };
    assert.equal(token.split(".").length, 3);
    for (const [place, text] of Object.entries(places)) {
      for (const part of token.split(".")) assert.ok(!text.includes(part), `${place} holds a part of the token`);
    }
  });
});
