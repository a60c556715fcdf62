import "reflect-metadata";
import { createRequire } from "node:module";
import type { INestApplication } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { ExpressAdapter } from "@nestjs/platform-express";
import { FastifyAdapter } from "@nestjs/platform-fastify";
import { AppModule } from "./app.ts";

async function main(): Promise<void> {
  if (process.env["ROLE"] === "worker") {
    const app = await NestFactory.createApplicationContext(AppModule, { logger: ["error"] });
    if (process.env["HOOKS"] !== "off") app.enableShutdownHooks();
    console.log("working");
    return;
  }
  const adapter = process.env["PLATFORM"] === "fastify" ? new FastifyAdapter() : new ExpressAdapter();
  const app = await NestFactory.create<INestApplication>(AppModule, adapter, { logger: ["error"] });
  app.enableShutdownHooks();
  await app.listen(Number(process.env["PORT"] ?? 3000), "127.0.0.1");
  const { version } = createRequire(__filename)("@nestjs/core/package.json") as { readonly version: string };
  console.log(`Nest ${version} is listening at ${await app.getUrl()}`);
}

void main();
