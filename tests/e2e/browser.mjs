/** One browser for each file of tests, and a page of its own for each test. */
import { after, before, describe, test } from "node:test";
import puppeteer from "puppeteer-core";
import * as database from "./database.mjs";
import { CHROMIUM, FIREFOX } from "./environment.mjs";

/** No test waits longer for anything; the longest grace under test is 4 s, the longest row of attempts 3 s. */
const PATIENCE = 15_000;

/** Of its own: a tab would lie in front of the others, or behind them. */
const WINDOW = { type: "window" };

/** Firefox counts among a page's errors what nobody can catch: an EventSource's connection that could not be had. */
const LOST_CONNECTION = /^Firefox can’t establish a connection|^The connection to .* was interrupted/;

let browser;

/** Stock Firefox understands WebDriver BiDi alone. The flag: only the browser itself knows in which process a page is. */
const firefox = () => ({ browser: "firefox", executablePath: FIREFOX, args: ["--remote-allow-system-access"] });

const chromium = () => ({
  executablePath: CHROMIUM,
  // The flag below, for Chromium's own new headless mode.
  headless: false,
  args: [
    "--headless=new",
    // A picture of the whole page has none, and would lack their width at its right.
    "--hide-scrollbars",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
  ],
});

before(async () => {
  browser = await puppeteer.launch(FIREFOX ? firefox() : chromium());
});

after(async () => {
  await browser?.close();
  await database.close();
});

/** What is not to be tried in Firefox: told by its name, and why by `docs/browsers.md`. */
export function notInFirefox(name, define) {
  if (FIREFOX) test(`${name} (not in Firefox: see docs/browsers.md)`, { skip: true });
  else define(name);
}

/** A test with a page that nobody else has: its own storage, its own cookies, and none of its errors unseen. */
export function pageTest(name, body, { timeout = 4 * PATIENCE } = {}) {
  test(name, { timeout }, async (t) => {
    const context = await browser.createBrowserContext();
    try {
      const page = await context.newPage(WINDOW);
      page.setDefaultTimeout(PATIENCE);
      await page.setViewport({ width: 1280, height: 900 });
      const said = [];
      page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
      const thrown = [];
      page.on("pageerror", (error) => !LOST_CONNECTION.test(error.message) && thrown.push(error));
      try {
        await body({ t, page, said, context });
      } catch (error) {
        said.forEach((line) => t.diagnostic(line));
        throw error;
      }
      if (thrown.length > 0) throw new AggregateError(thrown, "the page threw an error that nobody caught");
    } finally {
      await context.close();
    }
  });
}

/** Tests that wait for more than they do: all of them at once, each in a window that nobody covers. */
export function together(name, tests) {
  describe(name, { concurrency: 4 }, tests);
}

/** A page in a window of its own: unlike a second tab, it leaves the first one in sight. */
export async function withWindow(page, body) {
  const context = await page.browser().createBrowserContext();
  try {
    const other = await context.newPage(WINDOW);
    other.setDefaultTimeout(page.getDefaultTimeout());
    await body(other);
  } finally {
    await context.close();
  }
}
