/** Other people's packages as one module each, for a page that has no bundler. */
import { access, mkdir, readFile, rename, writeFile } from "node:fs/promises";

const FOLDER = new URL("../../target/e2e/", import.meta.url);
/** The demo's bundler, which is installed whenever these tests run. */
const VITE = new URL("../../www/node_modules/vite/dist/node/index.js", import.meta.url);

const bundling = new Map();

/** Where a package of ours is kept, bundled: made once for each release of it. */
export function vendorFile(name) {
  if (!bundling.has(name)) bundling.set(name, keep(name));
  return bundling.get(name);
}

/** Which release of a package these tests are run with. */
export async function versionOf(name) {
  return JSON.parse(await readFile(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;
}

async function keep(name) {
  const file = new URL(`${name.replaceAll("/", "-")}-${await versionOf(name)}.mjs`, FOLDER);
  const isThere = await access(file).then(() => true, () => false);
  if (isThere) return file;
  // Another file of tests may be at it too: it finds a whole bundle, or none.
  const draft = new URL(`${file.href}.${process.pid}`);
  await mkdir(FOLDER, { recursive: true });
  await writeFile(draft, await bundle(name));
  await rename(draft, file);
  return file;
}

async function bundle(name) {
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
      rollupOptions: { input: name, preserveEntrySignatures: "strict", output: { format: "es", codeSplitting: false } },
    },
  });
  return output[0].code;
}
