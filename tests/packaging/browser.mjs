/** One Chromium for each file of tests, and a page of its own for each test. */
import { after, before, test } from "node:test";
import puppeteer from "puppeteer-core";

/** No test waits longer for anything. */
const PATIENCE = 30_000;

let browser;

before(async () => {
  browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run"],
  });
});
after(() => browser?.close());

/** A test with a page that nobody else has. `said`: the warnings and errors in its console; what it throws fails the test. */
export function pageTest(name, body) {
  test(name, { timeout: 4 * PATIENCE }, async (t) => {
    const context = await browser.createBrowserContext();
    try {
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE);
      const said = [];
      page.on("console", (message) => ["warn", "error"].includes(message.type()) && said.push(message));
      const thrown = [];
      page.on("pageerror", (error) => thrown.push(error));
      try {
        await body({ t, page, said });
      } catch (error) {
        said.forEach((message) => t.diagnostic(message.text()));
        throw error;
      }
      if (thrown.length > 0) throw new AggregateError(thrown, "the page threw an error that nobody caught");
    } finally {
      await context.close();
    }
  });
}

/** Keeps the page's requests for such an address unanswered until `release()`; `asked` resolves with the first of them. */
export async function hold(page, address) {
  const { promise: asked, resolve } = withResolvers();
  const held = [];
  let open = false;
  await page.setRequestInterception(true);
  page.on("request", (request) => {
    if (open || !address.test(request.url())) return void request.continue();
    held.push(request);
    resolve(request);
  });
  const release = async () => {
    open = true;
    await Promise.all(held.splice(0).map((request) => request.continue()));
  };
  return { asked, release };
}

/** Node has had its own since version 22. */
function withResolvers() {
  let resolve;
  const promise = new Promise((settle) => (resolve = settle));
  return { promise, resolve };
}
