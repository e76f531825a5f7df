/** Pages, each of one package that is measured, bundled as an app would be, on a server of this machine. */
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { build } from "esbuild";

const WASM = new URL("../node_modules/streamkeeper/wasm/streamkeeper_bg.wasm", import.meta.url);
const TYPES = { html: "text/html; charset=utf-8", js: "text/javascript", wasm: "application/wasm" };

/**
 * Serves `/NAME/` for each name: a page whose script is `SOURCE/NAME`. Everything is compressed as far as it goes, as
 * what is compressed once and served for ever.
 */
export async function serveSite({ source, names, mode = "production" }) {
  const files = new Map();
  const wasm = fileOf(await readFile(WASM), "wasm");
  for (const name of names) {
    const { scripts, preloads } = await bundle(new URL(`./${source}/${name}`, import.meta.url), mode);
    for (const { path, contents } of scripts) files.set(`/${name}/js${path}`, fileOf(contents, "js"));
    files.set(`/${name}/`, fileOf(pageOf(name, preloads), "html"));
    // Where the default entry looks for it: beside the scripts' folder.
    files.set(`/${name}/wasm/streamkeeper_bg.wasm`, wasm);
  }
  const server = createServer(({ url }, response) => {
    const file = files.get(url);
    if (!file) return void response.writeHead(404).end();
    response.writeHead(200, file.headers).end(file.body);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address();
  return { server, url: (name) => `http://127.0.0.1:${port}/${name}/`, close: () => close(server) };
}

/** With what the script imports at once named in the page, as bundlers write it. */
function pageOf(name, preloads) {
  const links = preloads.map((path) => `<link rel="modulepreload" href="js/${path}">`).join("");
  return `<!doctype html><title>${name}</title><link rel="icon" href="data:,">${links}
<script type="module" src="js/${name}.js"></script><div id="root"></div>`;
}

async function bundle(entry, mode) {
  const { outputFiles, metafile } = await build({
    entryPoints: [entry.pathname],
    outdir: "/",
    write: false,
    metafile: true,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    jsxDev: mode === "development",
    minify: mode === "production",
    // Our development entry has the WASM inside, which nobody ships.
    conditions: ["module", "production"],
    define: { "process.env.NODE_ENV": JSON.stringify(mode), global: "globalThis" },
    logLevel: "error",
  });
  const { imports } = Object.values(metafile.outputs).find(({ entryPoint }) => entryPoint !== undefined);
  const preloads = imports.filter(({ kind }) => kind === "import-statement").map(({ path }) => basename(path));
  return { scripts: outputFiles, preloads };
}

function fileOf(contents, type) {
  const body = brotliCompressSync(contents);
  const headers = { "content-type": TYPES[type], "content-length": body.length, "content-encoding": "br", "cache-control": "no-store" };
  return { headers, body };
}

function close(server) {
  server.closeAllConnections();
  return new Promise((closed) => server.close(closed));
}
