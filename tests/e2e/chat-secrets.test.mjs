/** A chat token is seen by the service, and by nobody else. */
import assert from "node:assert/strict";
import { chatJourney } from "./chatter.mjs";

chatJourney("no chat token is in the trace, the snapshot, the console, the page, the storage or an address of ours", async (given) => {
  const { page, said, comeIn } = given;
  const tokens = [];
  const addresses = [];
  page.on("request", (request) => addresses.push(request.url()));
  page.on("response", async (response) => {
    if (response.url().endsWith("/demo/chat/token")) tokens.push((await response.json()).token);
  });

  // What is said when all is well, and when it is not.
  const ana = await comeIn("ana");
  await ana.say("nothing secret");
  await ana.sees("messages", "nothing secret");
  await ana.click("fault-token");
  await ana.sees("timeline", "the token was not good");
  await ana.isConnected();
  await ana.click("fault-refused");
  await ana.isGone("the server has refused it");
  await ana.click("reconnect");
  await ana.isConnected();
  const refused = await ana.manager((manager) =>
    manager.connectUser("somebody", () => "not.a.token").catch(({ message, cause }) => `${message} ${cause}`),
  );

  assert.ok(tokens.length >= 4 && tokens.every((token) => token.split(".").length === 3));
  const seen = await page.evaluate(() => ({
    trace: globalThis[Symbol.for("streamkeeper")].manager.exportTrace(),
    snapshot: JSON.stringify(globalThis[Symbol.for("streamkeeper")].manager.getSnapshot()),
    page: document.documentElement.outerHTML,
    localStorage: JSON.stringify({ ...localStorage }),
    sessionStorage: JSON.stringify({ ...sessionStorage }),
    cookies: document.cookie,
    resources: performance.getEntries().map((entry) => entry.name).join("\n"),
  }));
  // Stream's own socket has it in its address, which is neither a request of the page nor one of its resources.
  const places = { ...seen, refused, console: said.join("\n"), addresses: addresses.join("\n") };
  for (const [place, text] of Object.entries(places)) {
    // Its first part is the same in every token, and says nothing.
    const parts = tokens.flatMap((token) => token.split(".").slice(1));
    for (const part of [...parts, "not.a.token"]) assert.ok(!text.includes(part), `${place} holds a part of a token`);
  }
});
