/** The chat for people: it fits, it is accessible, and it works without a mouse. */
import { chatJourney } from "./chatter.mjs";
import { tabTo } from "./keyboard.mjs";
import { glance, look } from "./looks.mjs";

chatJourney("the chat fits every window, light and dark, and is accessible", async ({ page, comeIn }) => {
  const ana = await comeIn("ana");
  await ana.say(`Does a long word fit as well? ${"Donaudampfschifffahrt".repeat(3)}`);
  await ana.sees("messages", "Does a long word fit");
  await ana.click("open-logs");
  await ana.sees("chat-logs", "Does a long word fit");
  await ana.sees("chat-sockets", "1 open socket");
  await look(page, "chat-1-connected");
  await ana.click("fault-refused");
  await ana.isGone("the server has refused it");
  await ana.sees("chat-sockets", "no socket");
  await glance(page, "chat-2-refused");
  await page.locator(".streamkeeper-banner button").click();
  await ana.isConnected();
  await ana.setInactivity({ timeout: 60_000, prompt: 59_500 });
  await page.waitForSelector(".streamkeeper-idle-prompt");
  await glance(page, "chat-3-asked");
  await ana.setInactivity({ timeout: 100, prompt: null });
  await ana.isGone("you were away");
  await ana.sees("chat-sockets", "no socket");
  await glance(page, "chat-4-away");
});

chatJourney("from the stream to a message without a mouse, and the focus is always to be seen", async ({ comeIn, page }) => {
  const ana = await comeIn("ana", { view: "room" });
  await tabTo(page, "view-chat");
  await page.keyboard.press("Enter");
  await ana.isConnected();
  await tabTo(page, "message-text");
  await page.keyboard.type("By hand");
  await page.keyboard.press("Enter");
  await ana.sees("messages", "By hand");
});
