import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const gateway = "http://127.0.0.1:8787";

export default defineConfig({
  plugins: [react()],
  // `npm run dev` beside a running `cargo xtask demo`.
  server: {
    proxy: {
      "/demo": { target: gateway, ws: true },
      "/rest": gateway,
      "/rooms": gateway,
      "/streams": gateway,
      "/proxy": gateway,
      "/debug": gateway,
      "/operator": gateway,
      // The page's own address of an event is /events/{id}, and nothing more.
      "^/events/[^/]+/.+": { target: gateway, ws: true },
    },
  },
});
