/** Rooms for people: every state fits and is accessible, in the listing and in a seat as well, and works without a mouse. */
import { pageTest, withWindow } from "./browser.mjs";
import { comeIn, journey, somebody } from "./host.mjs";
import { glance, look } from "./looks.mjs";

pageTest("rooms fit every window, light and dark, and are accessible", async ({ page, context }) => {
  const ana = await comeIn(page, somebody("ana"));
  await ana.click("fault-stuck");
  await ana.sees("db-room", "lobby");
  await glance(page, "rooms-0-stuck");
  const session = await ana.beginSession("go-live");
  await ana.sees("recovered", "The room was stuck");
  await withWindow(page, async (other) => {
    const bo = await comeIn(other, somebody("bo"));
    await bo.watch(session);
    await look(other, "rooms-1-watching");
    await ana.sees("attendance", bo.user);
    await glance(page, "rooms-2-watched");
  });
  const tab = await context.newPage();
  const there = await comeIn(tab, ana.user);
  await there.click("go-live");
  await there.sees("conflict", "Your room is live already");
  await look(tab, "rooms-3-conflict");
  await there.endRoom();
});

journey("somebody's session is watched, and left, without a mouse", async ({ host, page }) => {
  const session = await host.beginSession("go-live");
  await withWindow(page, async (other) => {
    const bo = await comeIn(other, somebody("bo"));
    await bo.lists(session);
    await other.focus(`[data-session="${session.id}"] [data-testid="watch"]`);
    await other.keyboard.press("Enter");
    await bo.sees("watching", "You have been here since");
    await host.sees("attendance", bo.user);
    await other.focus('[data-testid="stop-watching"]');
    await other.keyboard.press("Space");
    await other.waitForSelector('[data-testid="watching"]', { hidden: true });
    await host.sees("attendance", " to ");
  });
  await host.endRoom();
});
