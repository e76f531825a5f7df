/**
 * What is left of a hundred mounts. `cargo xtask bench churn`
 *
 * A part of a React app that connects is mounted and unmounted a hundred times in StrictMode, which does each of them twice,
 * at moments that only look random and are the same for everybody; a socket takes a moment to be accepted. Then it stays
 * mounted. What is open is what the server has open: one socket is right.
 */
import { setTimeout as pause } from "node:timers/promises";
import { nameOf, withBrowser } from "./page/browser.mjs";
import { serveSockets } from "./page/services.mjs";
import { serveSite } from "./page/site.mjs";
import { release, report, table } from "./report.mjs";

const TIMES = 100;
/** The longest that it is mounted, or not, in milliseconds. */
const LONGEST = 300;
/** How long the server takes to accept a socket. */
const DELAY = 20;
/** Longer than anybody's first attempts to come back. */
const SETTLE = 15_000;

const PAGES = {
  streamkeeper: "**Streamkeeper**, chat by stream-chat",
  "shared-client": `${release("stream-chat")}, \`getInstance\` in an effect`,
  "client-each": `${release("stream-chat")}, a client for each effect`,
  partysocket: `${release("partysocket")}, \`useWebSocket\``,
  centrifuge: `${release("centrifuge")} in an effect`,
  "realtime-js": `${release("@supabase/realtime-js")}, a channel in an effect`,
  "by-hand": "a WebSocket that comes back, in an effect",
};

async function run(browser, name, url, sockets) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await page.goto(url, { waitUntil: "networkidle0" });
  await page.evaluate((times, longest) => window.churn(times, longest), TIMES, LONGEST);
  await pause(SETTLE);
  const { open, opened, peak } = sockets.countOf(name);
  const errors = await page.evaluate(() => window.errors);
  await page.evaluate(() => window.unmount());
  await pause(SETTLE);
  const unmounted = sockets.countOf(name).open;
  await page.evaluate(() => window.signOut());
  await pause(SETTLE);
  return { name, open, opened, peak, errors, unmounted, signedOut: sockets.countOf(name).open };
}

const names = Object.keys(PAGES);
const site = await serveSite({ source: "churn", names, mode: "development" });
const sockets = serveSockets(site.server, { delay: DELAY });
const [outcomes, browserName] = await withBrowser(async (browser) => [
  await Promise.all(names.map((name) => run(browser, name, site.url(name), sockets))),
  await nameOf(browser),
]);
await site.close();

const said = (errors) => [...new Set(errors)].map((words) => `“${words.slice(0, 60)}”`).join(", ");
const row = ({ name, open, opened, peak, errors, unmounted, signedOut }) => [PAGES[name], open, opened, peak, errors.length, unmounted, signedOut];
const head = ["who connects", "open in the end", "opened in all", "most at once", "errors that nobody caught", "open when unmounted", "signed out"];
for (const { name, errors } of outcomes) if (errors.length > 0) console.log(name, said(errors));
report("churn", `${browserName}, React ${release("react").split(" ")[1]}.

${table([head, ...outcomes.map(row)])}`);
