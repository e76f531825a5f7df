/** A bare page on the demo's origin that imports the package as plain modules, without a bundler and without React. */
import { readFile } from "node:fs/promises";
import { pageTest } from "./browser.mjs";
import { DEMO_URL } from "./environment.mjs";
import { vendorFile } from "./vendor.mjs";

/** The packed tarball, as `www/` has it installed. */
const PACKAGE = new URL("../../www/node_modules/streamkeeper/", import.meta.url);
/** These tests' own modules, and what they take from others: `vendor/stream-chat.mjs`. */
const TESTS = /^e2e\/([\w-]+\.mjs)$/;
const VENDOR = /^vendor\/(.+)\.mjs$/;
const LAB = "/lab/";
const TYPES = { html: "text/html", js: "text/javascript", mjs: "text/javascript", wasm: "application/wasm" };

/** A test with that page: there, `load()` gives the package's module, and `initialised()` the same after `init()`. */
export function labTest(name, body) {
  pageTest(name, async (given) => {
    const { page, context } = given;
    // The page comes from no address, and such a one may open sockets to this machine only if its person lets it.
    await context.setPermission(DEMO_URL, { permission: { name: "loopback-network" }, state: "granted" });
    await page.setRequestInterception(true);
    page.on("request", (request) => {
      const { pathname } = new URL(request.url());
      if (!pathname.startsWith(LAB)) return void request.continue();
      return void answer(pathname.slice(LAB.length)).then((response) => request.respond(response));
    });
    await body({ ...given, open: () => page.goto(`${DEMO_URL}${LAB}index.html`) });
  });
}

async function answer(path) {
  if (path === "index.html") {
    const script = `
      globalThis.load = () => import("./dist/index.js");
      globalThis.initialised = () => load().then(async (module) => (await module.default(), module));`;
    return { contentType: TYPES.html, body: `<!doctype html><title>Lab</title><script>${script}</script>` };
  }
  const body = await fileOf(path).then(readFile).catch(() => null);
  return body ? { contentType: TYPES[path.split(".").at(-1)], body } : { status: 404 };
}

async function fileOf(path) {
  const [, test] = TESTS.exec(path) ?? [];
  if (test) return new URL(test, import.meta.url);
  const [, vendor] = VENDOR.exec(path) ?? [];
  return vendor ? vendorFile(vendor) : new URL(path, PACKAGE);
}
