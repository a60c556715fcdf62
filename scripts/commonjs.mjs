// Builds the CommonJS form of the package in the working directory out of its dist, into dist/cjs. It is there for loaders
// that cannot `require` ESM, as Jest's: see `exports` in package.json. Node and bundlers take the ESM form for both.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { rolldown } from "rolldown";
import { packagesOf, thirdPartyPage } from "./third-party.mjs";

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
const { output } = await bundle.write({
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
// What an earlier step of the package's build has bundled.
const EARLIER = "dist/bundled.json";
const earlier = existsSync(EARLIER) ? JSON.parse(readFileSync(EARLIER, "utf8")) : [];
rmSync(EARLIER, { force: true });
const inlined = packagesOf([...earlier, ...output.flatMap((file) => (file.type === "chunk" ? file.moduleIds : []))]);
if (inlined.length > 0) writeFileSync("dist/THIRD-PARTY.md", thirdPartyPage(inlined));

/** @param {string} name */
function licenceOf(name) {
  return readFileSync(join(import.meta.dirname, "../node_modules", name, "LICENSE.md"), "utf8");
}
