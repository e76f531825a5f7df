/** What a page looks like: narrow and wide, light and dark. The pictures lie in `target/screenshots/`. */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { assertAccessible } from "./accessible.mjs";

const PICTURES = fileURLToPath(new URL("../../target/screenshots/", import.meta.url));

const SCHEMES = ["light", "dark"];
const NARROW = 360;
const WIDE = 1280;
const WIDTHS = [NARROW, 768, WIDE];

/** As it is given to each test. */
const USUAL = { width: 1280, height: 900 };

/**
 * Looks at the page as it is now in every width and scheme: all of it is to fit, and axe has nothing to say of it, neither
 * narrow nor wide.
 */
export async function look(page, name, { widths = WIDTHS } = {}) {
  await mkdir(PICTURES, { recursive: true });
  for (const scheme of SCHEMES) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    for (const width of widths) await lookAt(page, name, width, scheme);
  }
  await page.emulateMediaFeatures([]);
  await page.setViewport(USUAL);
}

async function lookAt(page, name, width, scheme) {
  await page.setViewport({ width, height: width === NARROW ? 780 : 900 });
  await page.screenshot({ path: `${PICTURES}${name}-${width}-${scheme}.png`, fullPage: true });
  const { scrollWidth, clientWidth } = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return { scrollWidth, clientWidth };
  });
  assert.ok(scrollWidth <= clientWidth, `${name}: ${scrollWidth} px of content in ${clientWidth}`);
  if (width === NARROW || width === WIDE) await assertAccessible(page, `${name}, ${width} px, ${scheme}`);
}
