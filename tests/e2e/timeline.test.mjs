/** The timeline: what happened is drawn in lanes as it happens, and says why to the mouse, to the keyboard and in words. */
import assert from "node:assert/strict";
import { pageTest } from "./browser.mjs";
import { Host, journey } from "./host.mjs";
import { tabTo } from "./keyboard.mjs";

const LANES = '[data-testid="lanes"]';

/** What is drawn in a lane, in its order. */
const drawn = (page, lane) =>
  page.$$eval(`${LANES} [data-lane="${lane}"] [role="option"]`, (options) => options.map((option) => option.getAttribute("aria-label")));

/** Waits until something with these words is drawn there; gives it. */
const item = (page, lane, words) => page.waitForSelector(`${LANES} [data-lane="${lane}"] [aria-label*="${words}"]`);

/** How many seconds fit. */
const span = (page) =>
  page.$eval(LANES, (lanes) => {
    const [first, second] = [...lanes.parentElement.querySelectorAll(".axis span")];
    const at = (element) => Date.parse(`1970-01-01T${element.textContent}Z`) / 1_000;
    const apart = second.getBoundingClientRect().left - first.getBoundingClientRect().left;
    return Math.round(((at(second) - at(first)) / apart) * lanes.clientWidth);
  });

journey("an end that fails twice is drawn in its lanes, and says why", async ({ host, page }) => {
  await host.goLive();
  await host.click("fault-rpc");
  await host.click("meeting-ready-to-close");
  await host.seesItEnded();
  await item(page, "calls", "end_stream_comprehensive was answered: HTTP 200, ended");
  const calls = (await drawn(page, "calls")).filter((words) => words.includes("end_stream_comprehensive was"));
  assert.deepEqual(calls.map((words) => /HTTP \d+/.exec(words)[0]), ["HTTP 500", "HTTP 500", "HTTP 200"]);
  const states = (await drawn(page, "stream")).filter((words) => words.includes("Stream: "));
  assert.deepEqual(states.map((words) => /Stream: (\w+)/.exec(words)[1]), ["live", "ending", "ended"]);

  // What happened last, until somebody points at something else.
  await host.sees("timeline-reason", "Just now");
  await (await item(page, "stream", "Stream: ending")).hover();
  await host.sees("timeline-reason", "Because the meeting was closed");
  await host.sees("timeline-reason", "readyToClose");
  await page.mouse.move(5, 5);
  await host.sees("timeline-reason", "Just now");
});

journey("the network away: its lane, the page's, and the outbox say so", async ({ host, page }) => {
  await host.goLive();
  await host.click("fault-offline");
  await item(page, "network", "Network: away. What is to be sent waits");
  await host.click("meeting-ready-to-close");
  await item(page, "outbox", "Outbox: written down. In this browser, before the first byte was sent.");
  await host.click("fault-offline");
  await host.seesItEnded();
  assert.equal((await drawn(page, "network")).at(-1).includes("online"), true);
});

journey("the keyboard goes from one thing to the next, zooms, pauses, and leaves", async ({ host, page }) => {
  await host.goLive();
  const press = (...keys) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
  await tabTo(page, "lanes");
  // What came first of all may also be a call; uppermost is what the person does.
  await press("Home", ...Array(7).fill("ArrowUp"));
  await host.sees("timeline-reason", "Activity: here.");
  await press("ArrowDown");
  await host.sees("timeline-reason", "Page: in sight.");
  await press("ArrowDown", "ArrowDown");
  await host.sees("timeline-reason", "Stream");
  // What is read out is what is drawn, and what is shown.
  const active = await page.$eval(LANES, (lanes) => document.getElementById(lanes.getAttribute("aria-activedescendant"))?.ariaLabel);
  await host.sees("timeline-reason", active.split(": ").slice(1).join(": "));

  await press("Escape");
  assert.equal(await span(page), 30);
  await press("+", "+");
  assert.ok((await span(page)) <= 12);
  await press("-", "-", "-");
  assert.ok((await span(page)) >= 45);

  await press("Space");
  const isPressed = (is) => page.waitForSelector(`[data-testid="timeline-pause"][aria-pressed="${is}"]`);
  await isPressed(true);
  await press("Space");
  await isPressed(false);
  await tabTo(page, "timeline");
});

journey("paused, it stays as it is; and what has happened meanwhile is there afterwards", async ({ host, page }) => {
  await host.goLive();
  await host.click("timeline-pause");
  const before = await drawn(page, "stream");
  const axis = () => page.$eval(".axis", (element) => element.innerHTML);
  const was = await axis();
  await host.click("meeting-ready-to-close");
  await host.seesItEnded();
  assert.deepEqual([await axis(), await drawn(page, "stream")], [was, before]);
  await host.click("timeline-pause");
  await item(page, "stream", "Stream: ended");
});

journey("the wheel zooms with Ctrl, or where the lanes have the focus; else the page scrolls", async ({ page }) => {
  const { left, top } = await page.$eval(LANES, (lanes) => lanes.getBoundingClientRect().toJSON());
  await page.mouse.move(left + 150, top + 50);
  const scrolled = () => page.evaluate(() => scrollY);
  await page.mouse.wheel({ deltaY: 40 });
  await page.waitForFunction(() => scrollY > 0);
  assert.equal(await span(page), 30);
  await page.mouse.wheel({ deltaY: -40 });
  await page.waitForFunction(() => scrollY === 0);

  const zooms = (to) => page.waitForFunction(
    (selector, to) => {
      const labels = [...document.querySelectorAll(selector)].map(({ textContent }) => textContent);
      const [first, second] = labels.map((label) => Date.parse(`1970-01-01T${label}Z`) / 1_000);
      return to === "closer" ? second - first < 10 : second - first > 10;
    },
    {},
    ".axis span",
    to,
  );
  await page.keyboard.down("Control");
  await page.mouse.wheel({ deltaY: -120 });
  await zooms("closer");
  await page.keyboard.up("Control");
  await page.focus(LANES);
  for (let turns = 0; turns < 3; turns += 1) await page.mouse.wheel({ deltaY: 120 });
  await zooms("away");
  assert.equal(await scrolled(), 0);
});

pageTest("for whoever wants less motion it goes on in steps of a second", async ({ page }) => {
  await page.evaluateOnNewDocument(watchIntervals);
  const host = new Host(page);
  await host.open();
  await host.logIn();
  const runs = (every, times) =>
    page.waitForFunction((every, times) => [...runningIntervals.values()].filter((it) => it === every).length === times, {}, every, times);
  // By a pixel or two at a time; what else there is looks no more often than twice a second.
  await runs(100, 1);
  const slow = await page.evaluate(() => [...runningIntervals.values()].filter((every) => every === 1_000).length);
  await page.emulateMediaFeatures([{ name: "prefers-reduced-motion", value: "reduce" }]);
  await runs(100, 0);
  await runs(1_000, slow + 1);
  // And does go on.
  const drawn = await page.$eval(`${LANES} [data-lane="page"]`, (lane) => lane.innerHTML);
  await page.waitForFunction((lane, before) => document.querySelector(lane).innerHTML !== before, {}, `${LANES} [data-lane="page"]`, drawn);
});

/** Keeps what runs again and again, with how often. Runs in the page, before anything of its own. */
function watchIntervals() {
  const { setInterval, clearInterval } = window;
  window.runningIntervals = new Map();
  window.setInterval = (act, every, ...given) => {
    const id = setInterval(act, every, ...given);
    window.runningIntervals.set(id, every);
    return id;
  };
  window.clearInterval = (id) => {
    window.runningIntervals.delete(id);
    clearInterval(id);
  };
}
