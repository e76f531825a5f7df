/** Hosts of events in front of the demo, and their audience. */
import { withWindow } from "./browser.mjs";
import { gatewaysAreOld, untilEvent } from "./database.mjs";
import { DEMO_URL } from "./environment.mjs";
import { Host, journey, somebody } from "./host.mjs";

/** The grace of the demo's events. */
export const GRACE = 8_000;

/** Longer than it takes until an event is over whose last viewer has left, and its mail is out: the sweep looks every second. */
export const PATIENCE = GRACE + 12_000;

/** A journey of a host who has made an event. */
export function eventJourney(name, body) {
  journey(name, async (given) => {
    await gatewaysAreOld();
    await given.host.click("view-event");
    await body({ ...given, id: await makeEvent(given.host) });
  });
}

/** Makes an event; gives its id. */
export async function makeEvent(host, testId = "event-create") {
  await host.click(testId);
  await host.page.waitForFunction(() => location.pathname.startsWith("/events/"));
  await host.sees("event-role", "You are its host");
  return host.page.evaluate(() => location.pathname.split("/").at(-1));
}

/** Somebody comes by the event's address, and watches, if there is something to watch. */
export async function attend(page, id, { user = somebody("bo"), query = "", url = DEMO_URL, finds = "open" } = {}) {
  const viewer = new Host(page, user);
  await page.goto(`${url}/events/${id}?name=${user}${query}`);
  await viewer.logIn();
  await viewer.sees("event-page", finds);
  return viewer;
}

/** The same in a window of its own, which is gone when the body is done. */
export async function withViewer(page, id, body, given) {
  await withWindow(page, async (other) => body(await attend(other, id, given)));
}

/** Waits until the event is live, for the time of that number, and somebody watches. */
export const untilWatched = (id, generation = 1) =>
  untilEvent(id, (row) => row.status === "live" && row.generation === generation && row.viewers_gone_since === null);

/** Waits until the last viewer has left. */
export const untilLeft = (id) => untilEvent(id, (row) => row.viewers_gone_since !== null);

/** Waits until nobody has come back in time, and the host has been told, or is not to be. */
export const untilOver = (id, generation = 1) =>
  untilEvent(
    id,
    (row, notices) => row.status === "ended" && ["sent", "suppressed"].includes(notices[generation - 1]?.state),
    PATIENCE,
  );
