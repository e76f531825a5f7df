/** The tarball without a bundler: modules as a web server has them, and Node's `require`. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { chats, connected, createApp, fileScope, paintsFirst, saysOfItself, startChat } from "./apps.mjs";
import { pageTest } from "./browser.mjs";
import { serveFiles } from "./site.mjs";

const t = fileScope();
let app, chat, site;
before(async () => {
  chat = await startChat(t);
  app = await createApp(t, "plain", chat);
  await app.write("empty.html", '<link rel="icon" href="data:," />');
  site = await serveFiles(t, app.path());
});

const address = (origin) => `${origin}/?chat=${encodeURIComponent(chat.url.replace("http", "ws"))}`;

chats("plain modules", () => address(site), () => chat);
paintsFirst("plain modules", () => address(site));

pageTest("plain modules: a server that does not know what WASM is will do", async ({ t, page }) => {
  await page.goto(address(await serveFiles(t, app.path(), { types: { ".wasm": "application/octet-stream" } })));
  await connected(page);
});

pageTest("plain modules: where a policy forbids WebAssembly init() rejects with `unavailable`", async ({ t, page, said }) => {
  await page.goto(address(await serveFiles(t, app.path(), { headers: { "content-security-policy": "script-src 'self'" } })));
  await saysOfItself(page, "Not available: unavailable");
  assert.deepEqual(said.map((message) => message.text()), []);
});

for (const entry of ["index", "inline"]) {
  pageTest(`importing dist/${entry}.js fetches no WASM, and compiles none`, async ({ page }) => {
    const asked = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await page.evaluateOnNewDocument(() => {
      window.compiled = [];
      for (const [name, made] of Object.entries(Object.getOwnPropertyDescriptors(WebAssembly))) {
        if (typeof made.value !== "function") continue;
        const spy = (target, self, args) => (window.compiled.push(name), Reflect.apply(target, self, args));
        const build = (target, args) => (window.compiled.push(name), Reflect.construct(target, args));
        WebAssembly[name] = new Proxy(made.value, { apply: spy, construct: build });
      }
    });
    await page.goto(`${site}/empty.html`);
    const module = `/node_modules/streamkeeper/dist/${entry}.js`;
    const wasm = () => asked.filter((path) => /wasm/.test(path));
    await page.evaluate(async (module) => void (await import(module)), module);
    assert.deepEqual([await page.evaluate(() => window.compiled), wasm()], [[], []]);
    await page.evaluate(async (module) => (await import(module)).default(), module);
    assert.notDeepEqual(await page.evaluate(() => window.compiled), []);
    assert.ok(wasm().length > 0, asked.join());
  });
}

test("Node's `require` has it too, where Node can require modules", { skip: !process.features.require_module }, async () => {
  const found = await app.evaluate(`
    import { createRequire } from "node:module";
    const { default: init, ConnectionManager } = createRequire(import.meta.url)("streamkeeper/inline");
    await init();
    console.log(JSON.stringify(ConnectionManager.shared().getSnapshot().phase));
  `);
  assert.equal(found, "ready");
});
