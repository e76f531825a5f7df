/**
 * The page of the long run: the package as it is packed, React in the build that StrictMode does its worst in, Stream's SDK.
 * They are plain modules behind an import map, so nothing has been through a bundler that would not be in an app as well.
 */
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { vendorFile } from "./vendor.mjs";

const WWW = new URL("../../www/", import.meta.url);
const MODULES = ["life.mjs", "page-events.mjs"];

const PAGE = `<!doctype html><title>A long life</title><link rel="icon" href="data:,"><div id="root"></div>
<script type="importmap">${JSON.stringify({
  imports: {
    streamkeeper: "./streamkeeper/dist/index.js",
    "streamkeeper/react": "./streamkeeper/dist/react.js",
    react: "./react.mjs",
    "react/jsx-runtime": "./react.mjs",
    "react-dom/client": "./react.mjs",
    "stream-chat": "./stream-chat.mjs",
  },
})}</script>
<script type="module">import { Life } from "./life.mjs"; globalThis.Life = Life;</script>`;

/** Makes the folder anew, and gives its path. */
export async function makeSite() {
  // Runs side by side have a folder each.
  const site = new URL(`../../target/e2e/long-run-${process.pid}/`, import.meta.url);
  await rm(site, { recursive: true, force: true });
  await mkdir(site, { recursive: true });
  await Promise.all([
    writeFile(new URL("index.html", site), PAGE),
    writeFile(new URL("react.mjs", site), await react()),
    cp(await vendorFile("stream-chat"), new URL("stream-chat.mjs", site)),
    cp(new URL("node_modules/streamkeeper/", WWW), new URL("streamkeeper/", site), { recursive: true }),
    ...MODULES.map((name) => cp(new URL(name, import.meta.url), new URL(name, site))),
  ]);
  return { path: fileURLToPath(site), remove: () => rm(site, { recursive: true, force: true }) };
}

/** All of React as one module, as the demo has it installed. */
async function react() {
  const require = createRequire(WWW);
  const names = (of) => Object.keys(require(of)).filter((name) => !name.startsWith("__"));
  const entry = `
    import * as React from "react";
    export const { ${names("react").join(", ")} } = React;
    export { jsx, jsxs } from "react/jsx-runtime";
    export { createRoot } from "react-dom/client";`;
  const { build } = await import(new URL("node_modules/vite/dist/node/index.js", WWW).href);
  const { output } = await build({
    root: fileURLToPath(WWW),
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    define: { "process.env.NODE_ENV": '"development"' },
    plugins: [{ name: "entry", resolveId: (id) => (id === "entry" ? id : undefined), load: (id) => (id === "entry" ? entry : undefined) }],
    build: {
      write: false,
      minify: false,
      target: "esnext",
      rollupOptions: { input: "entry", preserveEntrySignatures: "strict", output: { format: "es", codeSplitting: false } },
    },
  });
  return output[0].code;
}
