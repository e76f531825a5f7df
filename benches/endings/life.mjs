/** One life of a host's page: it goes live, its stream is to end, the page goes, and its person comes back. */
import { setTimeout as pause } from "node:timers/promises";

/** For a page to load, on a machine that is busy. */
const PATIENCE = 120_000;

/** Lives it, in a context of its own. Puts down in `run` which stream it is, and since when that is to end. */
export async function live(context, address, run) {
  const visit = async () => {
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    await page.goto(address);
    return page;
  };
  const page = await visit();
  await page.waitForFunction(() => globalThis.app !== undefined, { polling: 20 });
  run.stream = await page.evaluate(() => app.goLive());
  await pause(1_000);
  run.begun = Date.now();
  await page.evaluate((signal) => app[signal](), run.signal);
  await pause(run.gap);
  if (run.fate === "reload") return page.reload();
  await (run.fate === "crash" ? crash(page) : page.close());
  await pause(run.away);
  return visit();
}

async function crash(page) {
  const crashed = new Promise((resolve) => page.once("error", resolve));
  (await page.createCDPSession()).send("Page.crash").catch(() => {});
  await crashed;
}

/** At most so many of what it is given are under way. */
export function gate(width) {
  const waiting = [];
  return async (act) => {
    if (width === 0) await new Promise((resolve) => waiting.push(resolve));
    else width -= 1;
    try {
      return await act();
    } finally {
      if (waiting.length > 0) waiting.shift()();
      else width += 1;
    }
  };
}
