/** Seed 003's connection flow, line by line: Stream's real SDK in the page, and its sockets counted at the service. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { chatJourney } from "./chatter.mjs";
import { countsOf, fault, state, tokenOf, untilCounts } from "./stream-service.mjs";

chatJourney("1: whoever visits the messages is connected, and nobody before that", async ({ comeIn }) => {
  const ana = await comeIn("ana", { view: "room" });
  assert.equal((await countsOf(ana.user)).opened, 0);
  await ana.click("view-chat");
  await ana.isConnected();
  await ana.hasSockets({ open: 1, opened: 1, closed: 0 });
});

chatJourney("2: whoever does something stays connected beyond the time after which they would not be", async ({ comeIn }) => {
  const ana = await comeIn("ana");
  await ana.setInactivity({ timeout: 2_000 });
  const began = (await ana.snapshot()).presence.lastActivityAt;
  let last = began;
  while (last < began + 5_000) {
    await ana.letPass(1_100);
    await ana.stir();
    const { presence, chat } = await ana.snapshot();
    assert.ok(presence.lastActivityAt > last, "the mouse was noticed");
    assert.equal(chat.generation, 1);
    last = presence.lastActivityAt;
  }
  await ana.hasSockets({ open: 1, opened: 1, closed: 0 });
});

chatJourney("3: whoever goes elsewhere in the app keeps the connection, and finds it again", async ({ comeIn }) => {
  const ana = await comeIn("ana");
  for (let round = 0; round < 3; round += 1) {
    await ana.click("view-room");
    await ana.page.waitForSelector('[data-testid="message-text"]', { hidden: true });
    await ana.click("view-chat");
    await ana.isConnected();
  }
  await ana.say("still here");
  await ana.sees("messages", "still here");
  await ana.hasSockets({ open: 1, opened: 1, closed: 0 });
});

chatJourney("4: whose page is out of sight is let go of, and is connected again when it is seen", async ({ comeIn, context }) => {
  const ana = await comeIn("ana");
  await ana.setInactivity({ hiddenGrace: 0 });
  const other = await context.newPage();
  await other.bringToFront();
  await ana.hasSockets({ open: 0, opened: 1 });
  assert.equal((await ana.snapshot()).chat.reason, "hidden");
  await ana.page.bringToFront();
  await ana.isConnected();
  await ana.hasSockets({ open: 1, opened: 2 });
});

/** The browser's own network, and the demo's switch. */
const switches = {
  "the browser's network": ({ page }, there) => page.setOfflineMode(!there),
  "the demo's switch": (ana) => ana.click("fault-offline"),
};
for (const [name, set] of Object.entries(switches)) {
  chatJourney(`5: who has no network is let go of, and is connected again with it: ${name}`, async ({ comeIn }) => {
    const ana = await comeIn("ana");
    await set(ana, false);
    await ana.isGone("there is no network");
    await set(ana, true);
    await ana.isConnected();
    await ana.hasSockets({ open: 1, opened: 2 });
  });
}

chatJourney("6, 7: who does nothing for a while is let go of, and is connected again at the first movement", async ({ comeIn }) => {
  const ana = await comeIn("ana");
  await ana.setInactivity({ timeout: 1_500 });
  await ana.isGone("you were away");
  await ana.sees("timeline", "nobody has done anything for a while");
  await ana.setInactivity({ timeout: 60_000 });
  await ana.stir();
  await ana.isConnected();
  await ana.hasSockets({ open: 1, opened: 2 });
});

chatJourney("8: who signs out is let go of, in all tabs, and forgotten", async ({ comeIn, context }) => {
  const here = await comeIn("ana");
  const there = await comeIn("ana", { page: await context.newPage() });
  await there.hasSockets({ open: 2, peak: 2 });
  await here.page.bringToFront();
  await here.click("sign-out");
  await here.page.waitForSelector('[data-testid="login"]');
  await here.hasSockets({ open: 0, opened: 2, peak: 2 });
  for (const { chat } of [await here.snapshot(), await there.snapshot()]) {
    assert.deepEqual([chat.status, chat.reason, chat.userId], ["disconnected", "sign_out", null]);
  }
  // Whatever they do now, nobody is connected.
  await here.stir();
  await there.page.bringToFront();
  await there.sees("chat-status", "Not connected: you have signed out");
  await there.stir();
  assert.equal((await countsOf(here.user)).opened, 2);
});

/** What ends a page. */
const exits = {
  "the tab is closed": (page) => page.close(),
  "another page is opened in the tab": (page) => page.goto("about:blank"),
};
for (const [name, exit] of Object.entries(exits)) {
  chatJourney(`9: when ${name}, the connection is closed`, async ({ comeIn }) => {
    const ana = await comeIn("ana");
    await exit(ana.page);
    await ana.hasSockets({ open: 0, opened: 1 });
  });
}

chatJourney("9: when the page is reloaded, the connection is closed before the next one opens", async ({ comeIn }) => {
  const ana = await comeIn("ana");
  await ana.page.reload();
  await ana.isConnected();
  await ana.hasSockets({ open: 1, opened: 2 });
});

chatJourney("10: when somebody else signs in, the first connection is closed before the next one opens", async ({ comeIn, userOf }) => {
  const ana = await comeIn("ana");
  const bea = userOf("bea");
  // Closing takes the service three seconds; so long there must not be two.
  await fault("slow_close", ana.user, 1);
  const switched = ana.manager(
    (manager, [user, token]) => manager.connectUser(user, token).then(({ userID }) => userID),
    [bea, await tokenOf(bea)],
  );
  let both = 0;
  let seen = 0;
  const watched = switched.then(() => true);
  while (!(await Promise.race([watched, pause(20, false)]))) {
    const { by_user } = await state();
    seen += by_user[ana.user].open;
    both += Number(by_user[ana.user].open > 0 && (by_user[bea]?.open ?? 0) > 0);
  }
  assert.equal(await switched, bea);
  assert.ok(seen > 0, "the first connection was seen to be closing");
  assert.equal(both, 0);
  await ana.hasSockets({ open: 0, opened: 1 });
  await untilCounts(bea, ({ open, opened, peak }) => open === 1 && opened === 1 && peak === 1);
});

chatJourney("10: who signs out and in as somebody else has one connection, and it is theirs", async ({ comeIn, page }) => {
  const ana = await comeIn("ana");
  await ana.click("sign-out");
  await page.waitForSelector('[data-testid="login"]');
  const bea = await comeInAgain(page, ana.user.replace("ana", "bea"), ana);
  await ana.hasSockets({ open: 0, opened: 1 });
  await untilCounts(bea, ({ open, opened, peak }) => open === 1 && opened === 1 && peak === 1);
  assert.equal(await ana.manager((manager) => manager.chatClient().userID), bea);
});

async function comeInAgain(page, user, chatter) {
  await page.locator('[data-testid="login-name"]').fill(user);
  await chatter.logIn();
  await chatter.isConnected();
  return user;
}
