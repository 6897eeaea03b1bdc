import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vite";

/** Writes the licence of each bundled package into licences.txt. */
function licences() {
  return {
    name: "licences",
    generateBundle(_options, bundle) {
      const ids = Object.values(bundle).flatMap((part) => Object.keys(part.modules ?? {}));
      const names = ids.flatMap((id) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(id)?.[1] ?? []);
      const texts = [...new Set(names)].sort().map((name) => {
        const folder = join(import.meta.dirname, "node_modules", name);
        const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
        const file = ["LICENSE", "LICENSE.md", "LICENSE.txt"].find((at) => existsSync(join(folder, at)));
        if (!file) throw new Error(`${name}: expected a file LICENSE in the package, found none`);
        return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
      });
      this.emitFile({ type: "asset", fileName: "licences.txt", source: texts.join("\n----\n\n") });
    },
  };
}

export default defineConfig({
  base: "/static/",
  plugins: [licences()],
  build: {
    outDir: process.env.CONSOLE_OUT ?? "../static",
    emptyOutDir: true,
    assetsDir: "",
    assetsInlineLimit: 0, // the content security policy allows no data: addresses
    modulePreload: { polyfill: false },
    target: "es2022",
    cssTarget: "chrome123", // light-dark()
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
});
