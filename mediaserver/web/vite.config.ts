import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** The page, built into the server's package, which serves it at `/`. */
export default defineConfig({
  base: "./", // behind a proxy the page may live below a prefix
  plugins: [react()],
  worker: { format: "es" },
  build: {
    outDir: "../voicemedia_server/status/dist",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the page's policy allows files of our own, and no data: scripts
    modulePreload: { polyfill: false },
    target: "es2022",
    reportCompressedSize: true,
  },
  server: {
    proxy: {
      "/whip": "http://127.0.0.1:8080",
      "/v2": { target: "http://127.0.0.1:8080", ws: true },
    },
  },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
