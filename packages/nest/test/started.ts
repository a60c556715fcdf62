import { type DynamicModule, type INestApplicationContext, Module, type ModuleMetadata } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import type { NestExpressApplication } from "@nestjs/platform-express";
import { memoryBackend } from "@waybill/core/memory";
import { afterEach } from "vitest";
import { JobQueue, WaybillModule, type WaybillOptions } from "../src/index.ts";

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

/** An Express application with Nest's defaults, listening on a free port, silent, closed after the test. */
export async function listening(
  options: Partial<WaybillOptions>,
  { imports = [], ...metadata }: ModuleMetadata = {},
): Promise<{ readonly app: NestExpressApplication; readonly url: string }> {
  @Module({ imports: [waybill(options), ...imports], ...metadata })
  class AppModule {}
  const app = await NestFactory.create<NestExpressApplication>(AppModule, { logger: false, abortOnError: false });
  open.push(app);
  await app.listen(0, "127.0.0.1");
  return { app, url: await app.getUrl() };
}

/** `forRoot` on a memory backend of its own, silent, unless told otherwise. */
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
