/** Chromium, for benches. */
import { cpus, loadavg } from "node:os";
import puppeteer from "puppeteer-core";

/** A browser of our own, gone when `act` is through. */
export async function withBrowser(act) {
  const browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM,
    // The flag below, for Chromium's own new headless mode.
    headless: false,
    protocolTimeout: 600_000,
    args: [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
      // Two pages find each other by WebRTC without names, for which a network would be needed.
      "--disable-features=WebRtcHideLocalIpsWithMdns",
    ],
  });
  try {
    return await act(browser);
  } finally {
    await browser.close();
  }
}

/** A page that nothing was kept for: no cache, no storage, a process of its own. */
export async function withPage(browser, act) {
  const context = await browser.createBrowserContext();
  try {
    const page = await context.newPage();
    // A bench with a broken page has nothing to say.
    page.on("pageerror", (error) => console.error(page.url(), error));
    return await act(page, await page.createCDPSession());
  } finally {
    await context.close();
  }
}

/** Chromium's own counters for the page, times in milliseconds. */
export async function metricsOf(cdp) {
  const { metrics } = await cdp.send("Performance.getMetrics");
  return Object.fromEntries(metrics.map(({ name, value }) => [name, /Duration$/.test(name) ? value * 1_000 : value]));
}

/** `Chromium 156`. */
export async function nameOf(browser) {
  return (await browser.version()).replace(/^.*?\/(\d+).*/, "Chromium $1");
}

/** What else there was to do on the machine, for figures that depend on that. */
export function machine() {
  return `${cpus().length} cores with a load of ${loadavg()[1].toFixed(1)}`;
}
