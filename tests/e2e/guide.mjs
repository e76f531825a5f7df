/** The app of `docs/guides/from-zero.md`, built as it stands there; only what it imports from others has stand-ins. */
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { blocks, read } from "../packaging/docs.mjs";
import { OwnGateway } from "./own-gateway.mjs";

const STAND_INS = fileURLToPath(new URL("guide/", import.meta.url));
/** Where the demo has what the guide installs. */
const MODULES = fileURLToPath(new URL("../../www/node_modules/", import.meta.url));

const PAGE = '<!doctype html><title>The guide</title><div id="root"></div><script type="module" src="/src/main.jsx"></script>';

/** Builds it, and serves it beside the demo's endpoints; gives its address. */
export async function serveGuide(t) {
  const folder = await mkdtemp(join(tmpdir(), "streamkeeper-guide-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const [source, site] = ["src", "dist"].map((name) => join(folder, name));
  await cp(STAND_INS, source, { recursive: true });
  await symlink(MODULES, join(folder, "node_modules"));
  for (const { text } of blocks(await read("docs/guides/from-zero.md"))) {
    const [, path] = /^\/\/ (src\/[\w./-]+)$/.exec(text.split("\n")[0]) ?? [];
    if (path) await writeFile(join(folder, path), text);
  }
  await writeFile(join(folder, "index.html"), PAGE);

  // It has to be there before there is anything to serve: its address and its key are part of what is built.
  await mkdir(site);
  await writeFile(join(site, "index.html"), "");
  const { url } = await OwnGateway.start(t, site);
  const { anon_key } = await (await fetch(`${url}/demo/config`)).json();
  const settings = { VITE_SUPABASE_URL: url, VITE_SUPABASE_KEY: anon_key, VITE_STREAM_KEY: "demo-key" };
  await writeFile(join(folder, ".env.local"), Object.entries(settings).map(([name, value]) => `${name}=${value}\n`).join(""));
  await build(folder, source);
  return url;
}

async function build(root, source) {
  const vite = await import(join(MODULES, "vite/dist/node/index.js"));
  const alias = {
    "@supabase/supabase-js": join(source, "supabase.js"),
    "@jitsi/react-sdk": join(source, "jitsi.jsx"),
    "the-real-stream-chat": join(MODULES, "stream-chat"),
    "stream-chat": join(source, "stream-chat.js"),
  };
  await vite.build({ root, configFile: false, logLevel: "error", resolve: { alias }, build: { chunkSizeWarningLimit: 10_000 } });
}
