/** The app of `docs/guides/from-zero.md`, built as it stands there; only what it imports from others has stand-ins. */
import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { blocks, read } from "../packaging/docs.mjs";
import { DEMO_URL } from "./environment.mjs";

const STAND_INS = fileURLToPath(new URL("guide/", import.meta.url));
/** Where the demo has what the guide installs. */
const MODULES = fileURLToPath(new URL("../../www/node_modules/", import.meta.url));

const PAGE = '<!doctype html><title>The guide</title><div id="root"></div><script type="module" src="/src/main.jsx"></script>';

/** Builds it, for the path `base`; gives its files by their addresses. */
export async function buildGuide(t, base) {
  const folder = await mkdtemp(join(tmpdir(), "streamkeeper-guide-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const source = join(folder, "src");
  await mkdir(source);
  await cp(STAND_INS, source, { recursive: true });
  await symlink(MODULES, join(folder, "node_modules"));
  for (const { text } of blocks(await read("docs/guides/from-zero.md"))) {
    const [, path] = /^\/\/ (src\/[\w./-]+)$/m.exec(text.split("\n")[0]) ?? [];
    if (path) await writeFile(join(folder, path), text);
  }
  const { anon_key } = await (await fetch(`${DEMO_URL}/demo/config`)).json();
  const settings = { VITE_SUPABASE_URL: DEMO_URL, VITE_SUPABASE_KEY: anon_key, VITE_STREAM_KEY: "demo-key" };
  await writeFile(join(folder, ".env.local"), Object.entries(settings).map(([name, value]) => `${name}=${value}\n`).join(""));
  await writeFile(join(folder, "index.html"), PAGE);

  const { build } = await import(join(MODULES, "vite/dist/node/index.js"));
  const alias = {
    "@supabase/supabase-js": join(source, "supabase.js"),
    "@jitsi/react-sdk": join(source, "jitsi.jsx"),
    "the-real-stream-chat": join(MODULES, "stream-chat"),
    "stream-chat": join(source, "stream-chat.js"),
  };
  await build({ root: folder, base, configFile: false, logLevel: "error", resolve: { alias }, build: { chunkSizeWarningLimit: 10_000 } });

  const output = join(folder, "dist");
  const files = (await readdir(output, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const entries = files.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    return [`${DEMO_URL}${base}${path.slice(output.length + 1)}`, await readFile(path)];
  });
  return new Map(await Promise.all(entries));
}
