/** The apps of `apps/`, as somebody would have them: installed from the tarball, built, served, opened, and talking. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after } from "node:test";
import { stripVTControlCharacters, promisify } from "node:util";
import { hold, pageTest } from "./browser.mjs";
import { createProject } from "./project.mjs";
import { SocketServer } from "./socket-server.mjs";

const run = promisify(execFile);

/** What every app gives as its token, as the first word of each connection. */
const TOKEN = "the token that your server gives Ana";

/** As a test's context, for what is there as long as the file's tests. */
export function fileScope() {
  const chores = [];
  after(async () => {
    for (const chore of chores.reverse()) await chore();
  });
  return { after: (chore) => chores.push(chore) };
}

/** A chat that gives back whatever it is told, after the token. */
export async function startChat(t) {
  const server = await SocketServer.start(t);
  server.manner = (socket) => {
    let greeted = false;
    socket.on("message", (words) => {
      if (greeted) socket.send(String(words));
      greeted = true;
    });
  };
  return server;
}

/** One of `apps/`, whose chat is that one. */
export async function createApp(t, name, chat) {
  const project = await createProject({ app: name });
  t.after(project.remove);
  const url = chat.url.replace("http", "ws");
  const env = {
    ...process.env,
    VITE_CHAT_URL: url,
    NEXT_PUBLIC_CHAT_URL: url,
    NEXT_TELEMETRY_DISABLED: "1",
    NO_COLOR: "1",
    NODE_ENV: undefined,
  };
  const tool = (command) => join(project.directory, "node_modules/.bin", command);
  return {
    ...project,
    path: (...names) => join(project.directory, ...names),
    /** Runs one of the app's tools to its end. */
    async run(command, ...args) {
      await run(tool(command), args, { cwd: project.directory, env }).catch(({ stdout, stderr, message }) => {
        throw new Error(`${message}\n${stdout}\n${stderr}`);
      });
    },
    /** Starts one of the app's tools that is a server; gives the address that it prints. */
    async serve(command, ...args) {
      const server = spawn(tool(command), args, { cwd: project.directory, env });
      const over = once(server, "exit");
      t.after(() => (server.kill(), over));
      let said = "";
      for (const output of [server.stdout, server.stderr]) output.setEncoding("utf8").on("data", (text) => (said += text));
      const address = () => stripVTControlCharacters(said).match(/http:\/\/[^\s/]+:\d+/)?.[0];
      const failed = over.then(() => Promise.reject(new Error(`${command} has ended: ${said}`)));
      failed.catch(() => {});
      while (!address()) await Promise.race([once(server.stdout, "data"), failed]);
      return address();
    },
  };
}

/** Waits until the page says that it is connected. */
export const connected = (page) => saysOfItself(page, "Connected");

/** Waits until the page says this of its connection. */
export const saysOfItself = (page, words) =>
  page.waitForFunction((words) => document.querySelector('[role="status"]')?.textContent === words, {}, words);

/** Says these words, and waits until they have come back. */
export async function say(page, words) {
  await page.locator("input").fill(words);
  await page.locator("button ::-p-text(Send)").click();
  await page.waitForSelector(`li ::-p-text(${words})`);
}

/** What every app has to do, whoever has built it. `open`: gives the page's address. */
export function chats(name, open, chat) {
  pageTest(`${name}: it connects, chats, and comes back after a loss`, async ({ page, said }) => {
    const { opened } = chat();
    await page.goto(await open());
    await connected(page);
    await say(page, "Hello!");
    assert.deepEqual(chat().heard.slice(-2), [TOKEN, "Hello!"]);
    const back = chat().admission();
    chat().drop();
    await back;
    await connected(page);
    await say(page, "Here I am again.");
    assert.equal(chat().opened, opened + 2);
    assert.deepEqual(said.map((message) => message.text()), []);
  });
}

/** A download that fails is no fate: it is begun again when there is a network. */
export function loadsAgain(name, open) {
  pageTest(`${name}: a download that was lost is begun again with the network`, async ({ page }) => {
    await page.setRequestInterception(true);
    let isAway = true;
    page.on("request", (request) => (isAway && request.url().endsWith(".wasm") ? request.abort() : request.continue()));
    await page.goto(await open());
    await saysOfItself(page, "Not available");
    isAway = false;
    await page.evaluate(() => window.dispatchEvent(new Event("online")));
    await connected(page);
  });
}

/** And what it does not do: keep anybody waiting for the WASM. */
export function paintsFirst(name, open) {
  pageTest(`${name}: it is painted, and can be used, before the WASM is there`, async ({ page }) => {
    const wasm = await hold(page, /\.wasm$/);
    await page.goto(await open());
    await wasm.asked;
    const paints = await page.evaluate(
      () =>
        new Promise((painted) => {
          const observer = new PerformanceObserver((list) => painted(list.getEntries().map((entry) => entry.name)));
          observer.observe({ type: "paint", buffered: true });
        }),
    );
    assert.ok(paints.includes("first-contentful-paint"), paints.join());
    await page.locator("input").fill("In the meantime");
    assert.equal(await page.$eval("input", (input) => input.value), "In the meantime");
    await saysOfItself(page, "Not connected");
    await wasm.release();
    await connected(page);
  });
}
