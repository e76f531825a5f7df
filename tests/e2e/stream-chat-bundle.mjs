/** GetStream's SDK as one module for a page that has no bundler. */
import { access, mkdir, readFile, rename, writeFile } from "node:fs/promises";

const FOLDER = new URL("../../target/e2e/", import.meta.url);
/** The demo's bundler, which is installed whenever these tests run. */
const VITE = new URL("../../www/node_modules/vite/dist/node/index.js", import.meta.url);

let bundling;

/** Its source, which exports `StreamChat`. */
export async function streamChatBundle() {
  return readFile(await streamChatBundleFile(), "utf8");
}

/** Where it is kept: made once for each release of the SDK. */
export function streamChatBundleFile() {
  return (bundling ??= keep());
}

async function keep() {
  const { version } = JSON.parse(await readFile(new URL("node_modules/stream-chat/package.json", import.meta.url)));
  const file = new URL(`stream-chat-${version}.mjs`, FOLDER);
  const isThere = await access(file).then(() => true, () => false);
  if (isThere) return file;
  // Another file of tests may be at it too: it finds a whole bundle, or none.
  const draft = new URL(`${file.href}.${process.pid}`);
  await mkdir(FOLDER, { recursive: true });
  await writeFile(draft, await bundle());
  await rename(draft, file);
  return file;
}

async function bundle() {
  const { build } = await import(VITE.href);
  const { output } = await build({
    root: new URL(".", import.meta.url).pathname,
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    define: { "process.env.NODE_ENV": '"production"' },
    build: {
      write: false,
      minify: false,
      target: "esnext",
      rollupOptions: { input: "stream-chat", preserveEntrySignatures: "strict", output: { format: "es", codeSplitting: false } },
    },
  });
  return output[0].code;
}
