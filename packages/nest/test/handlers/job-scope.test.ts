import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Inject, Injectable, Scope } from "@nestjs/common";
import { ContextIdFactory, ModuleRef, REQUEST } from "@nestjs/core";
import { currentJob, defineJob, type JobContext } from "@waybill/core";
import { ClsModule, ClsService } from "nestjs-cls";
import { afterAll, describe, expect, test } from "vitest";
import { JobHandler, JobQueue, WaybillModule, type WaybillOptions } from "../../src/index.ts";
import { oddlyWritten, push, secret } from "../support/pushed.ts";
import { listening, settled, started } from "../support/started.ts";

const job = defineJob({ type: "leaky", timeout: "10s" });
const feature = WaybillModule.forFeature([job]);
const theirs = new AsyncLocalStorage<string>();

const folder = mkdtempSync(join(tmpdir(), "waybill-nest-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

type Handler = new (...args: never[]) => object;
type Way = (options: Partial<WaybillOptions>, providers: Handler[], count: number) => Promise<void>;

/** Enqueues `count` jobs, each with its number from 1, and resolves when they have run. */
const pulled =
  (url: () => string): Way =>
  async (options, providers, count) => {
    const imports = [feature, ClsModule.forRoot({ global: true })];
    // A job runs in no scope of its application, not even in the one in which the application was started.
    const app = await theirs.run("the start", () => started({ url: url(), ...options }, { imports, providers }));
    const all = settled(app, count);
    for (let n = 1; n <= count; n++) await theirs.run("a request", () => app.get(JobQueue).enqueue(job, { n }));
    await all;
  };
const pushed: Way = async ({ worker }, providers, count) => {
  const { concurrency = 10 } = worker ?? {};
  const options = { push: { keys: secret, concurrency } };
  const imports = [feature, ClsModule.forRoot({ global: true })];
  const { url } = await theirs.run("the start", () => listening(options, { imports, providers }));
  const bodies = Array.from({ length: count }, (_, at) => oddlyWritten("leaky", { n: at + 1 }));
  if (worker?.concurrency === 1) for (const body of bodies) await push(`${url}/work`, body);
  else await Promise.all(bodies.map((body) => push(`${url}/work`, body)));
};

const ways: Readonly<Record<string, Way>> = {
  "pulled from memory": pulled(() => "memory:"),
  "pulled from SQLite": pulled(() => `sqlite:${folder}/${(files += 1)}.db`),
  pushed,
};
const table = Object.entries(ways).flatMap(([name, run]) => [1, 8].map((concurrency) => ({ name, run, concurrency })));

describe.each(table)("$name, at concurrency $concurrency", ({ run, concurrency }) => {
  const options = { worker: { concurrency } };
  const nothing = [undefined, undefined, undefined, undefined, undefined];

  test("R1: a store that a handler enters in an AsyncLocalStorage is gone in the next, and a job starts without a store", async () => {
    const seen: unknown[] = [];
    class Leaky {
      @JobHandler(job)
      async run(payload: unknown): Promise<void> {
        seen.push(theirs.getStore());
        await leakInSome(payload, (n) => theirs.enterWith(`left by job ${n}`));
      }
    }
    await run(options, [Leaky], 5);
    expect(seen).toEqual(nothing);
  });

  test("R1: request-scoped providers are made anew for each job, in a scope that no other job has touched", async () => {
    const seen: unknown[] = [];
    const same: boolean[] = [];
    const made = new Set<object>();
    @Injectable({ scope: Scope.REQUEST })
    class Unit {
      readonly before = theirs.getStore();
      left: unknown = undefined;
      @Inject(REQUEST) readonly job!: JobContext;
      constructor() {
        made.add(this);
        theirs.enterWith("left by a provider");
      }
    }
    @Injectable()
    class Reads {
      @Inject(Unit) readonly unit!: Unit;
    }
    class Leaky {
      @Inject(Unit) readonly unit!: Unit;
      @Inject(Reads) readonly reads!: Reads;
      @JobHandler(job)
      async run(payload: unknown, own: JobContext): Promise<void> {
        seen.push(this.unit.before ?? this.unit.left);
        await leakInSome(payload, (n) => (this.unit.left = `left by job ${n}`));
        same.push(this.unit === this.reads.unit && this.unit.job === own && currentJob() === own);
      }
    }
    await run(options, [Leaky, Reads, Unit], 5);
    expect(seen).toEqual(nothing);
    expect(same).toEqual([true, true, true, true, true]);
    expect(made.size).toBe(5);
  });

  test("R1: a value that a handler sets in nestjs-cls is gone in the next", async () => {
    const seen: unknown[] = [];
    class Leaky {
      @Inject(ClsService) readonly cls!: ClsService<{ left: string }>;
      @JobHandler(job)
      async run(payload: unknown): Promise<void> {
        seen.push(this.cls.isActive() ? this.cls.get("left") : undefined);
        await leakInSome(payload, (n) => {
          this.cls.enter();
          this.cls.set("left", `left by job ${n}`);
        });
      }
    }
    await run(options, [Leaky], 5);
    expect(seen).toEqual(nothing);
  });
});

/** Jobs 1 and 3 leak; job 2 takes longer. */
async function leakInSome(payload: unknown, leak: (n: number) => void): Promise<void> {
  const { n } = payload as { n: number };
  if (n === 1 || n === 3) leak(n);
  if (n === 2) await sleep(5);
  else await Promise.resolve();
}

test("the DI context of a job can be derived from the job, as that of a request", async () => {
  const seen: boolean[] = [];
  @Injectable({ scope: Scope.REQUEST })
  class Unit {
    @Inject(REQUEST) readonly job!: JobContext;
  }
  class Late {
    @Inject(Unit) readonly unit!: Unit;
    @Inject(ModuleRef) readonly moduleRef!: ModuleRef;
    @JobHandler(job)
    async run(_: unknown, own: JobContext): Promise<void> {
      const late = await this.moduleRef.resolve(Unit, ContextIdFactory.getByRequest(own));
      seen.push(late === this.unit && late.job === own);
    }
  }
  const app = await started({ worker: {} }, { imports: [feature], providers: [Late, Unit] });
  const all = settled(app, 1);
  await app.get(JobQueue).enqueue(job, {});
  await all;
  expect(seen).toEqual([true]);
});
