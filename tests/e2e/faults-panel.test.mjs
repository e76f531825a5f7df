/** Every fault of the demo is a click away, and what stands beside it is what comes of it. */
import assert from "node:assert/strict";
import { after } from "node:test";
import { pageTest } from "./browser.mjs";
import { chatJourney } from "./chatter.mjs";
import { assertEndedOnce, assertLive, endAttempts, row, untilEnded } from "./database.mjs";
import { answerCalls } from "./gateway.mjs";
import { Host, journey } from "./host.mjs";
import { look } from "./looks.mjs";

/** What the panel can ask of the gateway is for all who use it. */
const FUNCTIONS = ["end_stream_comprehensive", "live_room_end", "get_stream_status", "touch_stream"];
after(() => answerCalls(FUNCTIONS, []));

/** The outcomes of the calls that reached the database. */
const outcomes = async (id) => (await endAttempts(id)).map(({ outcome }) => outcome);

/** By the page's own trace: what the manager called, in its order. */
const called = async (host, name) => (await host.outputs("send")).filter(({ data }) => data.function === name).length;

journey("a captive portal is not taken for the database's word", async ({ host }) => {
  const id = await host.goLive();
  await host.click("fault-portal");
  await host.click("meeting-ready-to-close");
  await host.sees("timeline", "End call 1 did not succeed");
  await host.sees("stream-status", "ending");
  await assertLive(id);
  await host.click("fault-clear");
  await host.seesItEnded();
  assert.deepEqual(await outcomes(id), ["ended"]);
});

journey("where answers get lost the row ends once, and the next call is told so", async ({ host }) => {
  const id = await host.goLive();
  await host.click("fault-deaf");
  await host.click("meeting-ready-to-close");
  await host.sees("timeline", "End call 2 did not succeed");
  await host.click("fault-clear");
  await host.seesItEnded();
  const [first, ...more] = await outcomes(id);
  assert.equal(first, "ended");
  assert.ok(more.length >= 1 && more.every((outcome) => outcome === "already_ended"), more.join());
});

journey("an expired token is replaced at once, and counts as no failure", async ({ host }) => {
  const id = await host.goLive();
  await host.click("fault-expired");
  await host.sees("timeline", "answered with 401");
  await host.click("meeting-ready-to-close");
  await host.seesItEnded();
  await assertEndedOnce(id, { reason: "readyToClose" });
  assert.equal(host.endCalls, 2);
});

journey("too many calls and a deploy in progress are tried again", async ({ host }) => {
  const id = await host.goLive();
  await host.click("fault-busy");
  await host.sees("timeline", "answered with 429 and 404");
  await host.click("meeting-ready-to-close");
  await host.seesItEnded();
  await assertEndedOnce(id, { reason: "readyToClose", attempt: 3 });
});

journey("a database that is away is owed the end, and gets it when all is well again", async ({ host }) => {
  const id = await host.goLive();
  await host.click("fault-database");
  await host.sees("timeline", "find no database");
  await host.click("meeting-ready-to-close");
  await host.sees("timeline", "The outbox: 1 owed.");
  await assertLive(id);
  await host.click("fault-clear");
  await untilEnded(id);
  await host.sees("timeline", "Nothing is owed any more.");
  assert.deepEqual(await outcomes(id), ["ended"]);
});

journey("what the gateway cannot end, the database does", async ({ host }) => {
  const id = await host.goLive();
  await host.click("fault-gateway");
  await host.sees("timeline", "The gateway's next end of a room fails");
  await host.click("end-room");
  await host.seesItEnded();
  await assertEndedOnce(id, { reason: "room_ended", attempt: 2 });
});

journey("however slow it is, two clicks are one go-live", async ({ host, page }) => {
  await host.click("fault-slow");
  await page.evaluate(() => {
    const button = document.querySelector('[data-testid="go-live"]');
    button.click();
    button.click();
  });
  await host.sees("db-status", "live");
  assert.equal(await called(host, "live_room_create_session"), 1);
});

journey("where nobody answers an end it is under way, until somebody does", async ({ host }) => {
  const id = await host.goLive();
  await host.click("fault-nothing");
  await host.click("meeting-ready-to-close");
  await host.sees("stream-status", "ending");
  await assertLive(id);
  await host.click("fault-nothing");
  await host.seesItEnded();
  assert.equal((await row(id)).end_reason, "readyToClose");
});

journey("a page that is reloaded goes on with its stream, and one that comes in twice is told so", async ({ host, page, context }) => {
  const id = await host.goLive();
  await Promise.all([page.waitForNavigation(), host.click("fault-reload")]);
  await host.sees("stream-status", "live");
  await host.sees("overview", "joined");
  await assertLive(id);
  const [target] = await Promise.all([
    new Promise((resolve) => context.once("targetcreated", resolve)),
    page.locator(".fault-groups a").click(),
  ]);
  const there = new Host(await target.page(), host.user);
  await there.logIn();
  await there.click("go-live");
  await there.sees("conflict", "Your room is live already");
  await there.endRoom();
});

chatJourney("a fault of chat opens it, where nobody has so far", async ({ comeIn }) => {
  const ana = await comeIn("ana", { view: "room" });
  await ana.click("fault-refused");
  await ana.isGone("the server has refused it");
  await ana.sees("timeline", "The service will refuse you once");
});

chatJourney("who falls asleep is asked, and one click puts that right as well", async ({ comeIn, page }) => {
  const ana = await comeIn("ana");
  await ana.click("fault-asleep");
  await page.waitForSelector(".streamkeeper-idle-prompt");
  await ana.sees("timeline", "Nobody does anything: the page asks.");
  await ana.sees("overview", "asked");
  await ana.click("fault-clear");
  await ana.sees("overview", "here");
  assert.equal(await page.$eval('[data-testid="away-timeout"]', ({ value }) => value), "300000");
});

pageTest("while something is wrong the panel says so, and is accessible", async ({ page }) => {
  const host = new Host(page);
  await host.open();
  await host.logIn();
  await host.click("fault-offline");
  const isOff = (testId) => page.$eval(`[data-testid="${testId}"]`, ({ ariaDisabled }) => ariaDisabled === "true");
  // What could not be asked for now; and what has no stream yet.
  assert.deepEqual(await Promise.all(["fault-rpc", "fault-killed", "fault-portal"].map(isOff)), [true, true, false]);
  await look(page, "faults-0-offline");
  await page.$eval('[data-testid="fault-killed"]', (button) => button.click());
  await host.click("fault-clear");
  await host.sees("timeline", "Everything answers as usual.");
  assert.ok(!(await host.text("timeline")).includes("Your page says nothing more"), "what is off does nothing");
});

journey("a fault that can be pressed only once keeps the keyboard's focus", async ({ host, page }) => {
  await host.goLive();
  await page.focus('[data-testid="fault-killed"]');
  await page.keyboard.press("Enter");
  await page.waitForSelector('[data-testid="fault-killed"][aria-disabled="true"]');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), "fault-killed");
});
