/** The components in a real browser: what axe has to say of them, and a person who has only a keyboard. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { before } from "node:test";
import { createApp, fileScope, startChat } from "./apps.mjs";
import { pageTest } from "./browser.mjs";
import { serve as backend } from "./room-backend.mjs";
import { serveFiles } from "./site.mjs";

const STREAM = "0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11";
const ADMIN = `e30.${btoa(JSON.stringify({ sub: "ana", app_metadata: { role: "admin" } }))}.s`;
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** An admin who is asked at once whether they are there, and whose first connection is refused if the address says so. */
const app = (url) => `
  import { createRoot } from "react-dom/client";
  import { ConnectionStatus, EndStreamPanel, IdlePrompt, ReconnectBanner, StreamkeeperProvider, useChatUser } from "streamkeeper/react";
  import "streamkeeper/react.css";

  const refused = new URLSearchParams(location.search).has("refused");
  const open = async () => {
    if (refused && !window.allowed) throw Object.assign(new Error("no"), { code: "refused" });
    return {};
  };
  const config = {
    chat: { open, close: () => {} },
    backend: { url: "${url}", accessToken: () => "${ADMIN}" },
    inactivity: { timeout: 600_000, prompt: 599_000 },
    ending: { delays: [10] },
    logger: {},
  };
  const User = () => (useChatUser({ id: "ana" }, "token"), null);
  document.documentElement.style.colorScheme = "light dark";
  document.documentElement.lang = "en";
  document.title = "Components";
  createRoot(document.getElementById("root")!).render(
    <StreamkeeperProvider config={config}>
      <User />
      <main>
        <h1>Components</h1>
        <ConnectionStatus lastActivity />
        <ReconnectBanner />
        <IdlePrompt />
        <EndStreamPanel streamIds={["${STREAM}"]} />
      </main>
    </StreamkeeperProvider>,
  );
`;

const t = fileScope();
const answers = {};
let site, asked;
before(async () => {
  const rpc = await backend(t, answers);
  asked = rpc.asked;
  const vite = await createApp(t, "vite", await startChat(t));
  await vite.write("src/main.tsx", app(rpc.url));
  await vite.run("vite", "build");
  site = await serveFiles(t, vite.path("dist"));
});

/** What axe finds; `shown`: what has to be there for it to look at. */
async function audit(page, ...shown) {
  for (const words of shown) await page.waitForSelector(`::-p-text(${words})`);
  await page.evaluate(await readFile(AXE, "utf8"));
  const { violations, passes } = await page.evaluate(() => axe.run());
  assert.ok(passes.some(({ id }) => id === "color-contrast"), "it has looked at colours");
  return violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)]);
}

/** Goes on by the Tab key until the focus is on this. */
async function tabTo(page, words) {
  for (let steps = 0; steps < 20; steps++) {
    await page.keyboard.press("Tab");
    if ((await focused(page)) === words) return;
  }
  assert.fail(`there is no way to “${words}” by Tab`);
}

const focused = (page) => page.evaluate(() => document.activeElement.textContent);

for (const scheme of ["light", "dark"]) {
  pageTest(`axe finds nothing to say of the components, ${scheme}`, async ({ page }) => {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    answers.end_stream_comprehensive = [403, { code: "42501", message: "it is somebody else’s", details: null, hint: null }];
    await page.goto(`${site}/?refused`);
    await page.locator("li button ::-p-text(End)").click();
    const shown = ["the server has refused it", "Reconnect", "it is somebody else’s", "Try again", "End all streams"];
    assert.deepEqual(await audit(page, ...shown), []);
    await page.goto(site);
    assert.deepEqual(await audit(page, "Connected", "Are you still there?", "I’m still here"), []);
  });
}

pageTest("somebody with a keyboard reconnects, answers and ends, and always knows where they are", async ({ page }) => {
  await page.goto(`${site}/?refused`);
  await page.waitForSelector("::-p-text(Reconnect)");
  await page.evaluate(() => (window.allowed = true));
  await tabTo(page, "Reconnect");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".streamkeeper-banner", { hidden: true });
  assert.equal(await page.evaluate(() => document.activeElement.className), "streamkeeper-live", "where the banner was");

  answers.end_stream_comprehensive = [200, { status: "ended" }];
  await tabTo(page, "End");
  await page.keyboard.press("Enter");
  await page.waitForSelector("li[data-status=ended]");
  assert.equal(await focused(page), "End", "a button that can do no more is still there");

  await tabTo(page, "End all streams");
  await page.keyboard.press("Space");
  await tabTo(page, "No");
  const calls = asked.length;
  await page.keyboard.press("Enter");
  assert.equal(await focused(page), "End all streams");
  assert.equal(asked.length, calls);
});
