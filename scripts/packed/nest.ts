import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./program.ts";
import { changed, linesOf } from "./readme-lines.ts";
import type { Stranger } from "./stranger.ts";

/** What the README of Nest leaves to its reader. */
const before = `
import "reflect-metadata";
import { Inject, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { defineJob, type JobContext, type PayloadOf } from "@waybill/core";
import { JobHandler, JobQueue, WaybillModule } from "@waybill/nest";
import { z } from "zod";

let done = (_orderId: string): void => {};
const received = new Promise<string>((resolve) => (done = resolve));
class Mail {
  async receipt(orderId: string, { signal }: { signal: AbortSignal }): Promise<void> {
    if (!signal.aborted) done(orderId);
  }
}
`;
const after = `
await app.get(Checkout).buy("o_1");
console.log("receipt for", await received);
await app.close();
`;

export const nestProgram = (): string =>
  before + changed(linesOf("packages/nest/README.md", "ts")[0], [["./waybill.db", "./nest.db"]]) + after;

/** Compiled by TypeScript with the options of a Nest project, and run. */
export async function runsInNest({ folder }: Stranger): Promise<void> {
  const project = join(folder, "nest");
  mkdirSync(project);
  writeFileSync(join(project, "main.ts"), nestProgram());
  const compilerOptions = { target: "es2022", module: "nodenext", types: ["node"], experimentalDecorators: true };
  writeFileSync(
    join(project, "tsconfig.json"),
    JSON.stringify({ compilerOptions: { ...compilerOptions, strict: true } }),
  );
  await run(["npx", "--no-install", "tsc", "-p", "nest"], { cwd: folder });
  const output = await run(["node", "nest/main.js"], { cwd: folder });
  if (!output.includes("receipt for o_1")) throw new Error(output);
}
