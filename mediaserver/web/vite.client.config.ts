import { defineConfig } from "vite";

/** The clients alone, as an npm package for other pages (client/README.md). */
export default defineConfig({
  build: {
    lib: { entry: "src/client/index.ts", formats: ["es"], fileName: "index" },
    outDir: "client/dist",
    target: "es2022",
    minify: false, // whoever bundles it does that
  },
});
