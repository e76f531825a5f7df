/** Somebody without a mouse. */
import assert from "node:assert/strict";

/** More than the page has. */
const STOPS = 150;

/** Where the focus is, and whether that is to be seen. */
const focused = (page) =>
  page.evaluate(() => {
    const { activeElement: element } = document;
    if (element === document.body) return null;
    const { top, bottom, left, right } = element.getBoundingClientRect();
    return {
      testId: element.dataset.testid,
      what: element.outerHTML.slice(0, 120),
      hasOutline: getComputedStyle(element).outlineStyle !== "none",
      isInSight: bottom > 0 && right > 0 && top < innerHeight && left < innerWidth,
    };
  });

/** Goes on by the Tab key, and gives what has the focus then; `null`: it has left the page. */
export async function tab(page) {
  await page.keyboard.press("Tab");
  const stop = await focused(page);
  if (stop) assert.ok(stop.hasOutline && stop.isInSight, `the focus is to be seen: ${stop.what}`);
  return stop;
}

/** Tabs on to the element, which then has the focus. */
export async function tabTo(page, testId) {
  for (let stops = 0; stops < STOPS; stops += 1) {
    if ((await tab(page))?.testId === testId) return;
  }
  assert.fail(`${testId} is not reached by the Tab key`);
}

/** Goes once through all of the page; gives every stop. */
export async function tabThrough(page) {
  const stops = [];
  while (stops.length < STOPS) {
    const stop = await tab(page);
    if (!stop) return stops;
    stops.push(stop);
  }
  assert.fail(`the Tab key does not lead out of the page: ${stops.at(-1).what}`);
}
