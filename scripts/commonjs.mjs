// Builds the CommonJS form of the package in the working directory out of its dist, into dist/cjs. It is there for loaders
// that cannot `require` ESM, as Jest's: see `exports` in package.json. Node and bundlers take the ESM form for both.
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { rolldown } from "rolldown";

/** Dependencies of ours that have no CommonJS form, and so go into the package, each with its licence. */
const INLINED = ["jose"];

const { exports } = JSON.parse(readFileSync("package.json", "utf8"));
const entries = Object.values(exports).map(({ require: target, default: source }) => [
  basename(target, ".cjs"),
  source,
]);

const bundle = await rolldown({
  input: Object.fromEntries(entries),
  platform: "node",
  external: (id) => !/^[./]/.test(id) && !INLINED.includes(id.split("/")[0] ?? ""),
  treeshake: false,
});
await bundle.write({
  dir: "dist/cjs",
  format: "cjs",
  cleanDir: true,
  strict: true,
  entryFileNames: "[name].cjs",
  chunkFileNames: "shared-[name].cjs",
  // `import()` of a file is not there in Jest's own module system, either.
  dynamicImportInCjs: false,
  codeSplitting: { groups: INLINED.map((name) => ({ name, test: new RegExp(`node_modules/${name}/`) })) },
  banner: ({ name }) => (INLINED.includes(name) ? `/*! ${name}\n${licenceOf(name)}*/` : ""),
});
await bundle.close();

/** @param {string} name */
function licenceOf(name) {
  return readFileSync(join(import.meta.dirname, "../node_modules", name, "LICENSE.md"), "utf8");
}
