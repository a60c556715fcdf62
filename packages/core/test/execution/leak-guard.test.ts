import { AsyncLocalStorage } from "node:async_hooks";
import { afterEach, expect, test } from "vitest";
import { defineJob, type Handler, type Leak, leakGuard } from "../../src/index.ts";
import { connected, settledCount, soon } from "../helpers/connected.ts";

const added = ["leftBehind", "leftBehindToo"];

afterEach(() => {
  for (const key of added) Reflect.deleteProperty(globalThis, key);
});

/** Runs the handler `times` times on a worker with a guard, and answers what it told. */
async function leaksOf(
  handler: Handler<unknown>,
  { times = 2, concurrency = 1, stores = {} }: { times?: number; concurrency?: number; stores?: object } = {},
): Promise<Leak[]> {
  const leaks: Leak[] = [];
  const job = defineJob({ type: "guarded", retry: { maxAttempts: 1 }, handler });
  const jobs = await connected();
  const middleware = [leakGuard({ warn: (leak) => void leaks.push(leak), stores: { ...stores } })];
  const settled = settledCount(jobs, times);
  for (let at = 0; at < times; at++) await jobs.enqueue(job, { at });
  await jobs.worker({ jobs: [job], concurrency, middleware }).start();
  await settled;
  return leaks;
}

const set = (key: string): void => void Object.assign(globalThis, { [key]: true });

test("R3: a handler that sets a global is told once, by its type and the key", async () => {
  const leaks = await leaksOf(() => set("leftBehind"));
  expect(leaks).toEqual([{ type: "guarded", kind: "global", key: "leftBehind" }]);
});

test("R3: a global set before the handler failed is told too", async () => {
  const leaks = await leaksOf(async () => {
    await Promise.resolve();
    set("leftBehindToo");
    throw new Error("no luck");
  });
  expect(leaks).toEqual([{ type: "guarded", kind: "global", key: "leftBehindToo" }]);
});

test.each([1, 8])(
  "R3: a handler that enters a store for good is told once, by the store's name, at concurrency %i",
  async (concurrency) => {
    const tenant = new AsyncLocalStorage<string>();
    const enter = async (): Promise<void> => {
      await Promise.resolve();
      tenant.enterWith("acme");
    };
    const leaks = await leaksOf(enter, { times: 8, concurrency, stores: { tenant } });
    expect(leaks).toEqual([{ type: "guarded", kind: "store", key: "tenant" }]);
  },
);

test("a store without a name is told as what it is", async () => {
  const leaks = await leaksOf(() => new AsyncLocalStorage<string>().enterWith("acme"));
  expect(leaks).toEqual([{ type: "guarded", kind: "store", key: "AsyncLocalStorage" }]);
});

test("R3: a clean handler is told nothing of: not one that runs within a store, nor one that enters it there", async () => {
  const tenant = new AsyncLocalStorage<string>();
  const leaks = await leaksOf(() => tenant.run("acme", async () => tenant.enterWith("other")));
  expect(leaks).toEqual([]);
});

test("what is entered outside any job is nobody's leak", async () => {
  const store = new AsyncLocalStorage<string>();
  const leaks = await leaksOf(() => {});
  store.enterWith("the test's own");
  expect(leaks).toEqual([]);
});

test("R3: a global that is set between two jobs is no handler's leak", async () => {
  const leaks: Leak[] = [];
  const job = defineJob({ type: "guarded", handler() {} });
  const jobs = await connected();
  await jobs.worker({ jobs: [job], middleware: [leakGuard({ warn: (leak) => void leaks.push(leak) })] }).start();
  for (const key of added) {
    set(key);
    const settled = settledCount(jobs, 1);
    await jobs.enqueue(job, {});
    await settled;
  }
  expect(leaks).toEqual([]);
});

test("R3: a global that appears while two jobs run is told once, by the type of the one that ends first", async () => {
  const leaks: Leak[] = [];
  const first = Promise.withResolvers<void>();
  const other = Promise.withResolvers<void>();
  const definitions = [
    defineJob({ type: "first", handler: () => first.promise }),
    defineJob({ type: "other", handler: () => other.promise }),
  ];
  const jobs = await connected();
  const started = new Promise<void>((resolve) =>
    jobs.events.on("started", ({ type }) => type === "other" && resolve()),
  );
  await jobs.worker({ jobs: definitions, middleware: [leakGuard({ warn: (leak) => void leaks.push(leak) })] }).start();
  await jobs.enqueue("first", {});
  await jobs.enqueue("other", {});
  await started;
  set("leftBehind");
  for (const { resolve } of [first, other]) {
    const settled = settledCount(jobs, 1);
    resolve();
    await settled;
  }
  expect(leaks).toEqual([{ type: "first", kind: "global", key: "leftBehind" }]);
});

test("a second guard replaces nothing again, and a store works as without any", () => {
  leakGuard();
  const { enterWith, run } = AsyncLocalStorage.prototype;
  leakGuard();
  expect([AsyncLocalStorage.prototype.enterWith, AsyncLocalStorage.prototype.run]).toEqual([enterWith, run]);
  const store = new AsyncLocalStorage<string>();
  expect([store.run("acme", (...args: number[]) => [store.getStore(), args], 1, 2), store.getStore()]).toEqual([
    ["acme", [1, 2]],
    undefined,
  ]);
});

test("without a listener of its own, a leak is a process warning that names type and key and says what to do", async () => {
  const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
  const job = defineJob({ type: "guarded", handler: () => set("leftBehind") });
  const jobs = await connected();
  await jobs.enqueue(job, {});
  await jobs.worker({ jobs: [job], middleware: [leakGuard()] }).start();
  expect(await soon(warned, () => "no warning was emitted")).toMatchObject({
    name: "WaybillLeakWarning",
    message: expect.stringMatching(/"guarded" set globalThis\.leftBehind.*when the module loads/),
  });
});
