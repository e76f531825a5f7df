import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The operator's page is one of its own: a folder that any gateway serves at `/operator`, without the demo. */
export default defineConfig({
  root: here("src/operator"),
  base: "/operator/",
  publicDir: here("public"),
  plugins: [react()],
  build: { outDir: here("dist/operator"), emptyOutDir: true },
  server: { proxy: { "/debug": "http://127.0.0.1:8787" } },
});
