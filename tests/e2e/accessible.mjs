/** What axe-core finds on a page, which is to be nothing. */
import assert from "node:assert/strict";
import axe from "axe-core";

/** Runs every rule on the page as it is now. */
export async function assertAccessible(page, name) {
  await page.evaluate((source) => void (globalThis.axe ?? globalThis.eval(source)), axe.source);
  // What is in a frame of its own is somebody else's, such as a mail.
  const { violations, passes } = await page.evaluate(() => globalThis.axe.run({ iframes: false, resultTypes: ["violations"] }));
  assert.ok(passes.length > 10, `axe has looked at ${name}`);
  const found = violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map(({ html, failureSummary }) => `${html}: ${failureSummary}`) }));
  assert.deepEqual(found, [], name);
}
