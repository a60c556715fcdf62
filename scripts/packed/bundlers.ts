import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { install, pinned, project } from "./stranger.ts";
import { run } from "./program.ts";

const versions = {
  "@rollup/plugin-commonjs": "29.0.3",
  "@rollup/plugin-json": "6.1.0",
  "@rollup/plugin-node-resolve": "16.0.3",
  esbuild: "0.28.2",
  rollup: "4.68.8",
  vite: pinned("vite"),
  webpack: "5.113.0",
};

/** Each takes the program at `input` and all that it loads into the folder `out`, whose entry is then `main.mjs` or `main.cjs`. */
const builds = {
  "esbuild as CommonJS": `
    const esbuild = await import("esbuild");
    await esbuild.build({ ...esbuildOptions, format: "cjs", outfile: out + "/main.cjs" });`,
  "esbuild as ESM, with its banner": `
    const esbuild = await import("esbuild");
    const banner = { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" };
    await esbuild.build({ ...esbuildOptions, format: "esm", outfile: out + "/main.mjs", banner });`,
  "esbuild as ESM": `
    const esbuild = await import("esbuild");
    await esbuild.build({ ...esbuildOptions, format: "esm", outfile: out + "/main.mjs" });`,
  "esbuild without the backends": `
    const esbuild = await import("esbuild");
    await esbuild.build({ ...esbuildOptions, format: "cjs", outfile: out + "/main.cjs", external: backends });`,
  webpack: `
    const { default: webpack } = await import("webpack");
    const output = { path: out, filename: "main.cjs", chunkFormat: "commonjs" };
    // As Next does with an optional peer that is not installed.
    const resolve = input.includes("alone") ? { alias: { "@waybill/rabbitmq": false } } : {};
    const config = { context: dirname(input), entry: input, output, resolve, target: "node22", mode: "production", optimization: { minimize: false } };
    await new Promise((resolve, reject) => webpack(config, (error, stats) =>
      error || stats.hasErrors() ? reject(error ?? new Error(stats.toString())) : resolve()));`,
  Rollup: `
    const { rollup } = await import("rollup");
    const resolve = (await import("@rollup/plugin-node-resolve")).default({ exportConditions: ["node"] });
    const plugins = [resolve, (await import("@rollup/plugin-commonjs")).default(), (await import("@rollup/plugin-json")).default()];
    const built = await rollup({ input, plugins, onwarn: () => {} });
    await built.write({ file: out + "/main.mjs", format: "es", inlineDynamicImports: true });
    await built.close();`,
  "Vite SSR": `
    const { build } = await import("vite");
    const rolldownOptions = { output: { entryFileNames: "main.mjs" } };
    await build({ root: dirname(input), configFile: false, logLevel: "error", ssr: { noExternal: true },
      build: { ssr: input, outDir: out, emptyOutDir: false, rolldownOptions } });`,
} as const;

export type Bundler = keyof typeof builds;

const program = (build: string): string => `
import { dirname } from "node:path";
const [input, out] = process.argv.slice(2);
const backends = ["sqlite", "bullmq", "postgres", "rabbitmq", "sqs"].map((name) => "@waybill/" + name);
const esbuildOptions = { entryPoints: [input], bundle: true, platform: "node", logLevel: "error" };
${build}
`;

/** Bundlers in a folder of their own, so that they find none of the packages beside themselves. */
export async function installBundlers(parent: string): Promise<string> {
  const folder = await install(project(join(parent, "bundlers"), versions));
  for (const [name, build] of Object.entries(builds)) writeFileSync(join(folder, fileOf(name)), program(build));
  return folder;
}

export async function bundle(bundlers: string, bundler: Bundler, input: string, out: string): Promise<string> {
  await run(["node", fileOf(bundler), input, out], { cwd: bundlers, limitMs: 300_000 });
  const esm = bundler === "Rollup" || bundler === "Vite SSR" || bundler.startsWith("esbuild as ESM");
  return join(out, esm ? "main.mjs" : "main.cjs");
}

const fileOf = (name: string): string => `${name.toLowerCase().replaceAll(/\W+/g, "-")}.mjs`;
