/** What a page looks like: narrow and wide, light and dark. Pictures lie in `target/screenshots/`. */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { assertAccessible } from "./accessible.mjs";
import { FIREFOX } from "./environment.mjs";

const PICTURES = fileURLToPath(new URL(`../../target/screenshots/${FIREFOX ? "firefox/" : ""}`, import.meta.url));

const NARROW = 360;
const WIDE = 1280;
const IN_BETWEEN = [768];

/** As it is given to each test. */
const USUAL = { width: WIDE, height: 900 };

/**
 * Looks at the page as it is now: all of it is to fit, and axe has nothing to say of it, narrow or wide, light or dark.
 * `others`: widths that it is to fit as well.
 */
export async function look(page, name, { others = IN_BETWEEN } = {}) {
  await lookIn(page, name, [[NARROW, "light"], [NARROW, "dark"], [WIDE, "light"], [WIDE, "dark"]]);
  for (const width of others) await picture(page, name, width, "light");
  await page.setViewport(USUAL);
}

/** The same, of one more state of what has been looked at. */
export async function glance(page, name) {
  await lookIn(page, name, [[NARROW, "dark"], [WIDE, "light"]]);
}

/** What somebody sees without scrolling: once it is copied to `docs/demo.png`, the picture in the README. */
export async function portray(page) {
  await page.setViewport({ ...USUAL, deviceScaleFactor: 1.5 });
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: `${PICTURES}demo.png` });
  await page.setViewport(USUAL);
}

async function lookIn(page, name, dresses) {
  await mkdir(PICTURES, { recursive: true });
  for (const [width, scheme] of FIREFOX ? dresses.filter(([, scheme]) => scheme === "light") : dresses) {
    await prefer(page, [{ name: "prefers-color-scheme", value: scheme }]);
    await picture(page, name, width, scheme);
    await assertAccessible(page, `${name}, ${width} px, ${scheme}`);
  }
  await prefer(page, []);
  await page.setViewport(USUAL);
}

/** BiDi knows of no such wishes: Firefox has those of the machine, which are light here. */
async function prefer(page, features) {
  if (!FIREFOX) await page.emulateMediaFeatures(features);
}

async function picture(page, name, width, scheme) {
  await page.setViewport({ width, height: width === NARROW ? 780 : 900 });
  await page.screenshot({ path: `${PICTURES}${name}-${width}-${scheme}.png`, fullPage: true });
  const { content, window } = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return { content: scrollWidth, window: clientWidth };
  });
  assert.ok(content <= window, `${name}: ${content} px of content in ${window}`);
  assert.deepEqual(await page.$$eval(".overview strong", brokenWords), [], `${name}, ${width} px: tiles whose word is broken`);
}

/** What takes more lines than it has words. Runs in the page. */
function brokenWords(elements) {
  const linesOf = (element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return range.getClientRects().length;
  };
  return elements.filter((it) => linesOf(it) > it.textContent.split(" ").length).map((it) => it.textContent);
}
