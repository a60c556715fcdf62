import { Inject } from "@nestjs/common";
import { APP_INTERCEPTOR } from "@nestjs/core";
import { currentJob, defineJob, leakGuard, type Leak, type Middleware } from "@waybill/core";
import { CLS_ID, ClsInterceptor, ClsModule, ClsService, ClsServiceManager, UseCls } from "nestjs-cls";
import { expect, test } from "vitest";
import { type Enhancers, JobHandler, JobQueue, WaybillModule } from "../../src/index.ts";
import { oddlyWritten, push, secret } from "../support/pushed.ts";
import { listening, settled, started } from "../support/started.ts";

const job = defineJob({ type: "job", timeout: "10s" });
const cls = ClsModule.forRoot({ global: true, interceptor: { mount: false, generateId: true, idGenerator: idOfJob } });

function idOfJob(): string {
  return currentJob().id;
}

/** Runs one job in an application of this handler. Returns the job's id. */
async function run(
  handler: new () => object,
  seen: unknown[],
  middleware: readonly Middleware[] = [],
): Promise<string> {
  const app = await started(
    { worker: {}, middleware },
    { imports: [WaybillModule.forFeature([job]), cls], providers: [handler] },
  );
  const all = settled(app, 1);
  const { id } = await app.get(JobQueue).enqueue(job, {});
  await all;
  expect(seen).toHaveLength(1);
  return id;
}

test("nestjs-cls by its decorator, above ours and below it", async () => {
  const seen: unknown[] = [];
  class Above {
    @Inject(ClsService) readonly cls!: ClsService;
    @UseCls({ generateId: true, idGenerator: idOfJob })
    @JobHandler(job)
    async run(): Promise<void> {
      seen.push(this.cls.getId());
    }
  }
  class Below {
    @Inject(ClsService) readonly cls!: ClsService;
    @JobHandler(job)
    @UseCls({ generateId: true, idGenerator: idOfJob })
    async run(): Promise<void> {
      seen.push(this.cls.getId());
    }
  }
  for (const handler of [Above, Below]) {
    const id = await run(handler, seen);
    expect(seen.splice(0)).toEqual([id]);
  }
});

test("nestjs-cls by its interceptor, where enhancers run", async () => {
  const seen: unknown[] = [];
  class Handles {
    @Inject(ClsService) readonly cls!: ClsService;
    @JobHandler(job)
    async run(): Promise<void> {
      await Promise.resolve();
      seen.push(this.cls.isActive() ? this.cls.getId() : "inactive");
    }
  }
  const ids = async (enhancers: Enhancers): Promise<string> => {
    const app = await started(
      { worker: {}, enhancers },
      {
        imports: [WaybillModule.forFeature([job]), cls],
        providers: [Handles, { provide: APP_INTERCEPTOR, useClass: ClsInterceptor }],
      },
    );
    const all = settled(app, 1);
    const { id } = await app.get(JobQueue).enqueue(job, {});
    await all;
    return id;
  };
  expect([await ids(true)]).toEqual(seen.splice(0));
  await ids(false);
  expect(seen).toEqual(["inactive"]);
});

test("nestjs-cls by a middleware of ours, for every job", async () => {
  const seen: unknown[] = [];
  class Handles {
    @Inject(ClsService) readonly cls!: ClsService;
    @JobHandler(job)
    run(): void {
      seen.push(this.cls.getId());
    }
  }
  const inCls: Middleware = (own, next) => {
    const service = ClsServiceManager.getClsService();
    return service.run(() => {
      service.set(CLS_ID, own.id);
      return next();
    });
  };
  const id = await run(Handles, seen, [inCls]);
  expect(seen).toEqual([id]);
});

test("R3: the leak guard names the handler of a Nest application that sets a global, pulled or pushed", async () => {
  const leaks: Leak[] = [];
  class Leaky {
    @JobHandler(job)
    run(payload: unknown): void {
      Object.assign(globalThis, payload);
    }
  }
  const options = {
    worker: {},
    push: { keys: secret },
    middleware: [leakGuard({ warn: (leak) => void leaks.push(leak) })],
  };
  const imports = [WaybillModule.forFeature([job])];
  const { app, url } = await listening(options, { imports, providers: [Leaky] });
  const all = settled(app, 1);
  await app.get(JobQueue).enqueue(job, { leftByPull: true });
  await all;
  await push(`${url}/work`, oddlyWritten("job", { leftByPush: true }));
  expect(leaks).toEqual([
    { type: "job", kind: "global", key: "leftByPull" },
    { type: "job", kind: "global", key: "leftByPush" },
  ]);
  for (const { key } of leaks) Reflect.deleteProperty(globalThis, key);
});
