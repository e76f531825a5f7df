/** Chat in the demo: what people say, what goes wrong with their sockets, and what is recorded. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { withWindow } from "./browser.mjs";
import { chatJourney } from "./chatter.mjs";
import { chatLogs } from "./database.mjs";
import { listChatLogs } from "./gateway.mjs";
import { countsOf } from "./stream-service.mjs";

const words = () => `Hello ${randomUUID().slice(0, 8)}`;

/** A journey of two people, each with a window of their own. */
const journeyOfTwo = (name, body) =>
  chatJourney(name, ({ page, comeIn }) =>
    withWindow(page, async (window) => body(await comeIn("ana"), await comeIn("bo", { page: window }))),
  );

journeyOfTwo("two people talk, and what they say is recorded once, for admins and for themselves", async (ana, bo) => {
  const [question, answer] = [words(), words()];
  await ana.say(question);
  await bo.sees("messages", question);
  await bo.say(answer);
  await ana.sees("messages", answer);

  await bo.click("open-logs");
  await bo.sees("chat-logs", answer);
  await bo.sees("chat-logs", question);
  for (const [text, author] of [[question, ana], [answer, bo]]) {
    const rows = await chatLogs(text);
    assert.deepEqual(rows.map(({ type, user_id, cid }) => [type, user_id, cid]), [["message.new", author.user, "livestream:lobby"]]);
  }
  const seenBy = async (user, role) => (await listChatLogs(user, role)).map(({ text }) => text);
  const own = await seenBy(ana.user, "authenticated");
  assert.deepEqual([own.includes(question), own.includes(answer)], [true, false]);
  const all = await seenBy("admin", "admin");
  assert.deepEqual([all.includes(question), all.includes(answer)], [true, true]);
});

journeyOfTwo("what was said while somebody was away is there when they are back", async (ana, bo) => {
  await ana.click("fault-offline");
  await ana.isGone("there is no network");
  const missed = words();
  await bo.say(missed);
  await bo.sees("messages", missed);
  assert.ok(!(await ana.page.$eval("main", (main) => main.textContent)).includes(missed));
  await ana.click("fault-offline");
  await ana.sees("messages", missed);
});

chatJourney("a socket that breaks is replaced", async ({ comeIn }) => {
  const ana = await comeIn("ana");
  await ana.click("fault-socket");
  await ana.sees("timeline", "the socket was lost");
  await ana.hasSockets({ open: 1, opened: 2, closed: 1 });
  await ana.isConnected();
  const text = words();
  await ana.say(text);
  await ana.sees("messages", text);
});

chatJourney("a socket that has gone silent is missed, and replaced", async ({ comeIn }) => {
  const ana = await comeIn("ana");
  await ana.click("fault-silent");
  await ana.sees("timeline", "nothing came out of the socket any more");
  await ana.hasSockets({ open: 1, opened: 2, closed: 1 });
  await ana.isConnected();
});

chatJourney("a token that has expired is replaced, and nobody has to know", async ({ comeIn, page }) => {
  const ana = await comeIn("ana");
  let tokens = 0;
  page.on("request", (request) => (tokens += Number(request.url().endsWith("/demo/chat/token"))));
  await ana.click("fault-token");
  await ana.sees("timeline", "the token was not good");
  await ana.isConnected();
  await ana.hasSockets({ open: 1, opened: 2 });
  // One for the socket that was lost, one for the token that was refused.
  assert.equal(tokens, 2);
  const { chat } = await ana.snapshot();
  assert.deepEqual([chat.attempt, chat.lastError], [0, null]);
});

chatJourney("who is refused is not tried again until they ask for it", async ({ comeIn, page }) => {
  const ana = await comeIn("ana");
  await ana.click("fault-refused");
  await ana.isGone("the server has refused it");
  await ana.stir();
  const { chat } = await ana.snapshot();
  assert.deepEqual([chat.status, chat.nextRetryAt], ["disconnected", null]);
  assert.equal((await countsOf(ana.user)).opened, 1);
  await page.locator(".streamkeeper-banner button").click();
  await ana.isConnected();
  await ana.hasSockets({ open: 1, opened: 2 });
  assert.equal(await page.$(".streamkeeper-banner"), null);
});

chatJourney("the button has the client made anew", async ({ comeIn }) => {
  const ana = await comeIn("ana");
  const client = await ana.page.evaluateHandle(() => globalThis[Symbol.for("streamkeeper")].manager.chatClient());
  await ana.click("reconnect");
  await ana.hasSockets({ open: 1, opened: 2, closed: 1 });
  await ana.isConnected();
  const isSame = (before) => globalThis[Symbol.for("streamkeeper")].manager.chatClient() === before;
  assert.equal(await ana.page.evaluate(isSame, client), false);
});

chatJourney("whoever answers the question stays connected", async ({ comeIn, page }) => {
  const ana = await comeIn("ana");
  await page.select('[data-testid="away-timeout"]', "10000");
  await page.select('[data-testid="away-prompt"]', "7000");
  const prompt = await page.waitForSelector(".streamkeeper-idle-prompt");
  assert.equal(await page.evaluate(() => document.activeElement.closest(".streamkeeper-idle-prompt")), null);
  // By the keyboard: on its way there is activity enough.
  const { presence } = await ana.snapshot();
  await prompt.$eval("button", (button) => button.focus());
  await page.keyboard.press("Enter");
  await page.waitForSelector(".streamkeeper-idle-prompt", { hidden: true });
  assert.ok((await ana.snapshot()).presence.lastActivityAt > presence.lastActivityAt);
  await ana.hasSockets({ open: 1, opened: 1 });
});

chatJourney("settings that make no sense are said to, and change nothing", async ({ comeIn, page }) => {
  const ana = await comeIn("ana");
  await page.select('[data-testid="away-timeout"]', "10000");
  await page.select('[data-testid="away-prompt"]', "30000");
  await page.waitForFunction(() => document.querySelector("main").textContent.includes("inactivity.prompt"));
  assert.equal(await page.$eval('[data-testid="away-prompt"]', ({ value }) => value), "null");
  assert.equal((await ana.snapshot()).chat.status, "connected");
});

chatJourney("the room that cannot be entered says so, and may be tried again", async ({ comeIn, page }) => {
  await page.setRequestInterception(true);
  let refuses = true;
  page.on("request", (request) => {
    if (refuses && request.method() === "POST" && request.url().includes("/lobby/query")) return void request.abort();
    return void request.continue();
  });
  const ana = await comeIn("ana");
  const retry = await page.waitForSelector('[data-testid="lobby-retry"]');
  refuses = false;
  await retry.click();
  const text = words();
  await ana.say(text);
  await ana.sees("messages", text);
});
