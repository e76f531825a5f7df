/** The guide from zero, followed: its app chats, goes live, and what it began is over in the database. */
import assert from "node:assert/strict";
import { pageTest } from "./browser.mjs";
import { assertEndedOnce, assertLive, assertRoomEnded, untilEnded } from "./database.mjs";
import { callAs } from "./gateway.mjs";
import { serveGuide } from "./guide.mjs";
import { somebody } from "./host.mjs";

pageTest("the app of the guide chats, and its streams end with the meeting, the room and the sign-out", async ({ page, t }) => {
  const url = await serveGuide(t);
  const user = somebody("zoe");
  const sees = (text) => page.waitForFunction((text) => document.body.innerText.includes(text), {}, text);
  const click = async (label) => {
    const isIt = (label) => [...document.querySelectorAll("button")].find((it) => it.innerText === label && !it.disabled);
    await (await page.waitForFunction(isIt, {}, label)).click();
  };
  const goLive = async () => {
    await click("Go live");
    await page.waitForSelector("[data-testid=meeting]");
    const { id, current_session } = await callAs(user, "my_room", {});
    await assertLive(current_session.stream_id);
    return { room_id: id, id: current_session.id, stream_id: current_session.stream_id };
  };

  await page.goto(url);
  await page.type("[name=email]", `${user}@example.org`);
  await click("Sign in");
  await sees("Connected");

  const first = await goLive();
  await page.waitForFunction(() => [...document.querySelectorAll("button")].some((it) => it.innerText === "Send" && !it.disabled));
  await page.type("[name=text]", "Hello from the guide");
  await click("Send");
  await page.waitForFunction(() => document.querySelector("ul")?.innerText.includes("Hello from the guide"));
  await page.waitForFunction(() => window.meeting?.listenerCount("readyToClose") > 0);
  await page.evaluate(() => ["videoConferenceJoined", "readyToClose"].forEach((event) => window.meeting.emit(event, {})));
  await untilEnded(first.stream_id);
  await assertEndedOnce(first.stream_id, { reason: "readyToClose" });

  const second = await goLive();
  assert.notEqual(second.id, first.id);
  await click("End room");
  await untilEnded(second.stream_id);
  await assertRoomEnded(second);

  const third = await goLive();
  await click("Sign out");
  await page.waitForSelector("[name=email]");
  await untilEnded(third.stream_id);
  await assertEndedOnce(third.stream_id, { reason: "sign_out" });
});
