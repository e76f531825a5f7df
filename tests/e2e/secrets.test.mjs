/** A token is seen by the backend, and by nobody else. */
import assert from "node:assert/strict";
import { journey } from "./host.mjs";

journey("no token is in the trace, the console, the page, the storage or an address", async ({ host, page, said }) => {
  const addresses = [];
  let authorised = 0;
  let token = "";
  page.on("request", (request) => {
    addresses.push(request.url());
    const { authorization = "" } = request.headers();
    if (authorization) [, token] = authorization.split(" ");
    authorised += Number(authorization.startsWith("Bearer ey"));
  });

  // What is said when all is well, when it is not, and when somebody asks again.
  await host.goLive();
  await host.click("fault-rpc");
  await host.sees("timeline", "answered with 500");
  await host.click("meeting-all-twice");
  await host.seesItEnded();
  await host.goLive();
  await host.click("fault-refuse");
  await host.sees("timeline", "refused with 403");
  await host.click("meeting-ready-to-close");
  await host.sees("stream-status", "failed");
  await host.click("end-room");
  await host.seesItEnded();

  assert.ok(authorised >= 6 && token.split(".").length === 3, "the calls carried a token");
  const seen = await page.evaluate(() => ({
    trace: globalThis[Symbol.for("streamkeeper")].manager.exportTrace(),
    snapshot: JSON.stringify(globalThis[Symbol.for("streamkeeper")].manager.getSnapshot()),
    page: document.documentElement.outerHTML,
    localStorage: JSON.stringify({ ...localStorage }),
    sessionStorage: JSON.stringify({ ...sessionStorage }),
    cookies: document.cookie,
    resources: performance.getEntries().map((entry) => entry.name).join("\n"),
  }));
  const places = { ...seen, console: said.join("\n"), addresses: addresses.join("\n") };
  // Whole, or any of its parts.
  for (const [place, text] of Object.entries(places)) {
    for (const part of token.split(".")) assert.ok(!text.includes(part), `${place} holds a part of the token`);
    assert.ok(!/bearer/i.test(text), `${place} holds an authorization header`);
  }
});
