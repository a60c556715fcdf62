import { Inject, Injectable, Scope } from "@nestjs/common";
import { type ContextId, ContextIdFactory, type ContextIdStrategy, REQUEST } from "@nestjs/core";
import { defineJob, JobContext } from "@waybill/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { JobHandler, JobQueue, WaybillModule } from "../../src/index.ts";
import { settled, started } from "../support/started.ts";

const job = defineJob({ type: "job" });
const imports = [WaybillModule.forFeature([job])];

/** One subtree a tenant, as Nest's documentation has it for requests. */
class ByTenant implements ContextIdStrategy<unknown> {
  readonly #subtrees = new Map<string, ContextId>();
  attach(contextId: ContextId, request: unknown): ReturnType<ContextIdStrategy["attach"]> {
    if (!(request instanceof JobContext)) return undefined;
    const tenant = String(request.envelope.meta?.["tenant_id"]);
    const subtree = this.#subtrees.get(tenant) ?? ContextIdFactory.create();
    this.#subtrees.set(tenant, subtree);
    return { resolve: ({ isTreeDurable }) => (isTreeDurable ? subtree : contextId), payload: { tenant } };
  }
}
const none: ContextIdStrategy = { attach: () => undefined };
beforeEach(() => ContextIdFactory.apply(new ByTenant()));
afterEach(() => ContextIdFactory.apply(none));

@Injectable({ scope: Scope.REQUEST, durable: true })
class Pool {
  @Inject(REQUEST) readonly request!: { readonly tenant: string } | JobContext;
}
@Injectable({ scope: Scope.REQUEST })
class Unit {
  @Inject(REQUEST) readonly request!: JobContext;
}

test("durable providers are shared by the jobs of a tenant and by no others, request-scoped ones by none", async () => {
  const seen: { readonly pool: Pool; readonly unit: Unit; readonly own: JobContext }[] = [];
  class Handles {
    @Inject(Pool) readonly pool!: Pool;
    @Inject(Unit) readonly unit!: Unit;
    @JobHandler(job)
    run(_: unknown, own: JobContext): void {
      seen.push({ pool: this.pool, unit: this.unit, own });
    }
  }
  const app = await started({ worker: {} }, { imports, providers: [Pool, Unit, Handles] });
  const all = settled(app, 4);
  for (const tenant of ["a", "b", "a", "b"]) await app.get(JobQueue).enqueue(job, {}, { tenant });
  await all;
  const tenantOf = ({ own }: (typeof seen)[number]): unknown => own.envelope.meta?.["tenant_id"];
  expect(seen.map(({ pool }) => pool.request)).toEqual(seen.map((one) => ({ tenant: tenantOf(one) })));
  expect(seen.map(({ unit, own }) => unit.request === own)).toEqual([true, true, true, true]);
  expect(new Set(seen.map(({ pool }) => pool)).size).toBe(2);
  expect(new Set(seen.map(({ unit }) => unit)).size).toBe(4);
});

test("a handler whose whole tree is durable is shared as its tree is", async () => {
  const made = new Set<object>();
  class Handles {
    @Inject(Pool) readonly pool!: Pool;
    @JobHandler(job)
    run(): void {
      made.add(this);
    }
  }
  const app = await started({ worker: {} }, { imports, providers: [Pool, Handles] });
  const all = settled(app, 4);
  for (const tenant of ["a", "b", "a", "b"]) await app.get(JobQueue).enqueue(job, {}, { tenant });
  await all;
  expect(made.size).toBe(2);
});

test("without a strategy of the application's nothing is shared, and REQUEST is the job", async () => {
  ContextIdFactory.apply(none);
  const seen: boolean[] = [];
  const made = new Set<object>();
  class Handles {
    @Inject(Pool) readonly pool!: Pool;
    @JobHandler(job)
    run(_: unknown, own: JobContext): void {
      made.add(this.pool);
      seen.push(this.pool.request === own);
    }
  }
  const app = await started({ worker: {} }, { imports, providers: [Pool, Handles] });
  const all = settled(app, 2);
  await app.get(JobQueue).enqueue(job, {}, { tenant: "a" });
  await app.get(JobQueue).enqueue(job, {}, { tenant: "a" });
  await all;
  expect([...seen, made.size]).toEqual([true, true, 2]);
});
