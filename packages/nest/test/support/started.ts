import {
  type DynamicModule,
  type INestApplication,
  type INestApplicationContext,
  Module,
  type ModuleMetadata,
  type Type,
} from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { ExpressAdapter } from "@nestjs/platform-express";
import { FastifyAdapter } from "@nestjs/platform-fastify";
import { memoryBackend } from "@waybill/core/memory";
import { afterEach } from "vitest";
import { JobQueue, WaybillModule, type WaybillOptions } from "../../src/index.ts";

const open: INestApplicationContext[] = [];

afterEach(async () => {
  for (const app of open.splice(0)) await app.close();
});

/** An application without HTTP around these modules and providers, silent, closed after the test. */
export async function started(
  options: Partial<WaybillOptions>,
  metadata: ModuleMetadata = {},
): Promise<INestApplicationContext> {
  return startedWith(waybill(options), metadata);
}

/** The same around a `forRoot` or `forRootAsync` of the test's own. */
export async function startedWith(
  root: DynamicModule,
  { imports = [], ...metadata }: ModuleMetadata = {},
): Promise<INestApplicationContext> {
  @Module({ imports: [root, ...imports], ...metadata })
  class AppModule {}
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
  open.push(app);
  return app;
}

/** The platforms that serve HTTP in a Nest application. */
export type Platform = "express" | "fastify";

/** An application with Nest's defaults, listening on a free port, silent, closed after the test. */
export async function listening(
  options: Partial<WaybillOptions>,
  { imports = [], ...metadata }: ModuleMetadata = {},
  platform: Platform = "express",
): Promise<{ readonly app: INestApplication; readonly url: string }> {
  @Module({ imports: [waybill(options), ...imports], ...metadata })
  class AppModule {}
  return listeningOn(platform, AppModule);
}

/** The same around a root module of the test's own; `prepare` is called before it listens. */
export async function listeningOn(
  platform: Platform,
  root: Type,
  prepare: (app: INestApplication) => void = () => {},
): Promise<{ readonly app: INestApplication; readonly url: string }> {
  const silent = { logger: false, abortOnError: false } as const;
  const app =
    platform === "express"
      ? await NestFactory.create(root, new ExpressAdapter(), silent)
      : await NestFactory.create<INestApplication>(root, new FastifyAdapter(), silent);
  open.push(app);
  prepare(app);
  await app.listen(0, "127.0.0.1");
  return { app, url: await app.getUrl() };
}

/** `forRoot` on a memory backend of its own, silent, unless the options say otherwise. */
export function waybill(options: Partial<WaybillOptions>): DynamicModule {
  return WaybillModule.forRoot({ url: memoryBackend(), log: "off", ...options });
}

/** Resolves after `count` settled jobs. */
export function settled(app: INestApplicationContext, count: number): Promise<void> {
  const { events } = app.get(JobQueue);
  return new Promise((resolve) => {
    let seen = 0;
    const off = events.on("settled", () => {
      seen += 1;
      if (seen < count) return;
      off();
      resolve();
    });
  });
}
