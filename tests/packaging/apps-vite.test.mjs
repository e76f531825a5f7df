/** The tarball in an app of Vite's: its development server, and what it builds. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { chats, connected, createApp, fileScope, loadsAgain, paintsFirst, say, saysOfItself, startChat } from "./apps.mjs";
import { pageTest } from "./browser.mjs";
import { serveFiles } from "./site.mjs";

/** The app's, with its component in a module of its own, and under StrictMode. */
const MAIN = `
  import { StrictMode } from "react";
  import { createRoot } from "react-dom/client";
  import { App } from "./app";

  createRoot(document.getElementById("root")!).render(<StrictMode><App /></StrictMode>);
`;

const t = fileScope();
let app, chat, built;
before(async () => {
  chat = await startChat(t);
  app = await createApp(t, "vite", chat);
  await app.run("vite", "build");
  built = await serveFiles(t, app.path("dist"));
});

test("the app compiles under strict settings", () => app.compile("typescript"));

chats("built by Vite", () => built, () => chat);
paintsFirst("built by Vite", () => built);
loadsAgain("built by Vite", () => built);

pageTest("built by Vite: where a policy forbids WebAssembly it is unavailable, and the app goes on", async ({ t, page, said }) => {
  const { opened } = chat;
  await page.goto(await serveFiles(t, app.path("dist"), { headers: { "content-security-policy": "script-src 'self'" } }));
  await saysOfItself(page, "Not available");
  await page.locator("input").fill("The app is there.");
  assert.equal(await page.$eval("input", (input) => input.value), "The app is there.");
  const complaints = await Promise.all(said.map((message) => Promise.all(message.args().map((it) => it.evaluate((it) => it.code ?? it)))));
  assert.deepEqual(complaints, [["[streamkeeper]", "unavailable"]]);
  assert.equal(chat.opened, opened);
});

pageTest("Vite's development server: it connects, and a hot update keeps the connection", async ({ page, said }) => {
  const source = String(await app.source("src/main.tsx"));
  const [, element] = source.match(/\ncreateRoot\(.*\)!\)\.render\((.*)\);\n$/) ?? assert.fail("the app ends with another line");
  // React takes hot updates of modules that have components.
  const ours = `${source.slice(0, source.indexOf("\ncreateRoot"))}\nexport const App = () => ${element};\n`;
  await app.write("src/app.tsx", ours);
  await app.write("src/main.tsx", MAIN);
  const { opened } = chat;
  await page.goto(await app.serve("vite", "--host", "127.0.0.1"));
  await connected(page);
  await page.evaluate(() => (window.mark = "the same page"));
  await app.write("src/app.tsx", ours.replace(">Send<", ">Send anew<"));
  await page.waitForSelector("button ::-p-text(Send anew)");
  await say(page, "Hello!");
  assert.equal(await page.evaluate(() => window.mark), "the same page");
  assert.equal(chat.opened, opened + 1);
  assert.deepEqual(said.map((message) => message.text()), []);
});
