// Builds the page by Vite, and writes its files as one module that the handler loads: a library finds nothing by the place of
// its own file, which is another one in a bundle.
import { mkdirSync, writeFileSync } from "node:fs";
import { extname } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";

const MOST_GZIPPED = 150_000;
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

const built = await build({
  root: import.meta.dirname,
  base: "./",
  configFile: false,
  logLevel: "warn",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: { write: false, assetsDir: "", assetsInlineLimit: 0, modulePreload: false, target: "es2022", minify: true },
});
const outputs = (Array.isArray(built) ? built : [built]).flatMap((one) => ("output" in one ? one.output : []));
/** @type {Record<string, { type: string, text: string }>} */
const files = {};
let gzipped = 0;
for (const output of outputs) {
  const text = output.type === "chunk" ? output.code : String(Buffer.from(output.source));
  const type = /** @type {Record<string, string>} */ (TYPES)[extname(output.fileName)];
  if (type === undefined) throw new Error(`the page has a file of an unknown type: ${output.fileName}`);
  files[output.fileName] = { type, text };
  gzipped += gzipSync(text).length;
}
if (gzipped > MOST_GZIPPED) throw new Error(`the page has ${gzipped} bytes gzipped, ${MOST_GZIPPED} at most`);
const value = JSON.stringify(files);
mkdirSync("dist", { recursive: true });
writeFileSync("dist/page.js", `export const files = ${value};\n`);
writeFileSync("dist/page.cjs", `exports.files = ${value};\n`);
// For the last step of the build, which writes the licences of all that is bundled.
const modules = outputs.flatMap((output) => (output.type === "chunk" ? output.moduleIds : []));
writeFileSync("dist/bundled.json", JSON.stringify(modules));
