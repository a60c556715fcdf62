import { setTimeout as sleep } from "node:timers/promises";
import {
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { defineJob, type JobContext } from "@waybill/core";
import { memoryBackend } from "@waybill/core/memory";
import { expect, test } from "vitest";
import { JobHandler, JobQueue, WaybillModule } from "../../src/index.ts";
import { settled, waybill } from "../support/started.ts";

const slow = defineJob({ type: "slow" });
const feature = WaybillModule.forFeature([slow]);

test("at shutdown the jobs that run still find the database, whichever hook closes it, in the root module too", async () => {
  const seen: string[] = [];
  let begin: () => void = () => {};
  const begun = new Promise<void>((resolve) => (begin = resolve));
  class Database implements OnModuleDestroy {
    open = true;
    onModuleDestroy(): void {
      this.open = false;
    }
  }
  class Slow {
    @Inject(Database) readonly database!: Database;
    @JobHandler(slow)
    async run(): Promise<void> {
      begin();
      await sleep(50);
      seen.push(`open: ${this.database.open}`);
    }
  }
  @Module({ imports: [waybill({ worker: {} }), feature], providers: [Database, Slow] })
  class AppModule {}
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
  await app.get(JobQueue).enqueue(slow, {});
  await begun;
  await app.close();
  expect(seen).toEqual(["open: true"]);
});

test("a signal during the shutdown skips the draining", async () => {
  let begin: () => void = () => {};
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const seen: string[] = [];
  class Endless {
    @JobHandler(slow)
    async run(_: unknown, { signal }: JobContext): Promise<void> {
      begin();
      await sleep(60_000, undefined, { signal }).catch(() => seen.push("aborted"));
    }
  }
  @Module({ imports: [waybill({ worker: { shutdown: { drain: "50s" } } }), feature], providers: [Endless] })
  class AppModule {}
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
  await app.get(JobQueue).enqueue(slow, {});
  await begun;
  const closed = app.close();
  const before = process.listenerCount("SIGINT");
  while (process.listenerCount("SIGINT") === before) await sleep(1);
  process.emit("SIGINT", "SIGINT");
  await closed;
  expect(seen).toEqual(["aborted"]);
});

test("a provider may enqueue in its last hook", async () => {
  const backend = memoryBackend();
  const seen: string[] = [];
  class Outbox implements OnApplicationShutdown {
    @Inject(JobQueue) readonly jobs!: JobQueue;
    async onApplicationShutdown(): Promise<void> {
      const { stored } = await this.jobs.enqueue(slow, {});
      seen.push(`stored: ${stored}`);
    }
  }
  @Module({ imports: [waybill({ url: backend, worker: {} }), feature], providers: [Outbox, SlowHandler] })
  class AppModule {}
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
  const { jobs } = app.get(Outbox);
  await app.close();
  expect(seen).toEqual(["stored: true"]);
  await expect(jobs.enqueue(slow, {})).rejects.toMatchObject({ code: "BACKEND_CLOSED" });
});

test("no job starts before the last bootstrap hook of the application has ended", async () => {
  const seen: string[] = [];
  class Warm implements OnApplicationBootstrap {
    @Inject(JobQueue) readonly jobs!: JobQueue;
    async onApplicationBootstrap(): Promise<void> {
      await this.jobs.enqueue(slow, {});
      await sleep(30);
      seen.push("warm");
    }
  }
  class Slow {
    @JobHandler(slow)
    run(): void {
      seen.push("ran");
    }
  }
  @Module({ imports: [waybill({ worker: {} }), feature], providers: [Slow, Warm] })
  class AppModule {}
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
  await settled(app, 1);
  await app.close();
  expect(seen).toEqual(["warm", "ran"]);
});

class SlowHandler {
  @JobHandler(slow)
  run(): void {}
}
