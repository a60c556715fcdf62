import { getEventListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { type BackendFactory, recordStoreOf, type RecordStore } from "../../../src/exports/backend.ts";
import { createRecordBuffer, type RecordBuffer } from "../../../src/features/records/record-buffer.ts";
import { createRetention } from "../../../src/features/records/retention.ts";
import { unknownJob } from "../../../src/features/records/changes.ts";
import { type ConnectOptions, defineJob, EventBus, type JobRecord, WaybillError } from "../../../src/index.ts";
import { createLedger } from "../../../src/memory/ledger.ts";
import { memoryBackend } from "../../../src/memory/index.ts";
import { createRecordStore } from "../../../src/memory/record-store.ts";
import { connected, eventOf, memoryWith } from "../../helpers/connected.ts";

const KEEP = { records: "7d" } as const;
const SOON = { timeout: 20_000 };
const away = new WaybillError("BACKEND_UNAVAILABLE", "the store is away");
const change = (id: string, at = 1): ReturnType<typeof unknownJob> => unknownJob({ id, type: "t", queue: "q" }, at);

/** A memory backend whose store of records is spoiled. */
function spoiled(spoil: (store: RecordStore) => Partial<RecordStore>): BackendFactory {
  const open = memoryBackend();
  return async () => {
    const backend = await open();
    return {
      ...backend,
      recordStore: (scope: string) => ({ ...backend.recordStore(scope), ...spoil(backend.recordStore(scope)) }),
    };
  };
}

function bufferOn(
  write: RecordStore["write"],
  most = 1_000,
  everyMs = 5,
  writers = 1,
): { buffer: RecordBuffer; heard: unknown[] } {
  const events = new EventBus();
  const heard: unknown[] = [];
  for (const name of ["records_unavailable", "records_available", "records_dropped"] as const) {
    events.on(name, (event) => heard.push([name, { ...event, at: 0 }]));
  }
  const settings = { address: "x:", events, gather: () => undefined, everyMs, mostChars: 1_000_000 };
  return { buffer: createRecordBuffer({ store: { write, writers }, most, ...settings }), heard };
}

test("while the store is away jobs run, one event says so, and what waited is written once it is back", async () => {
  let isAway = true;
  const write =
    (store: RecordStore): RecordStore["write"] =>
    async (changes) => {
      if (isAway) throw away;
      await store.write(changes);
    };
  const jobs = await connected(
    spoiled((store) => ({ write: write(store) })),
    KEEP,
  );
  const heard: string[] = [];
  for (const name of ["records_unavailable", "records_available"] as const)
    jobs.events.on(name, () => heard.push(name));
  const job = defineJob({ type: "t", handler: () => undefined });
  const done = eventOf(jobs, "settled");
  await jobs.worker({ jobs: [job] }).start();
  const { id } = await jobs.enqueue(job, {});
  expect((await done).outcome).toBe("completed");
  await jobs.records.get(id);
  expect(heard).toEqual(["records_unavailable"]);
  isAway = false;
  await expect.poll(() => heard, SOON).toEqual(["records_unavailable", "records_available"]);
  expect(await jobs.records.get(id)).toMatchObject({ state: "completed", attempts: [{ outcome: "completed" }] });
});

test("a flush during a write is followed by a write of what came since, not by the wait between two", async () => {
  const batches: string[][] = [];
  const first = Promise.withResolvers<void>();
  const began = Promise.withResolvers<void>();
  const { buffer } = bufferOn(
    async (changes) => {
      began.resolve();
      batches.push(changes.map(({ id }) => id));
      if (batches.length === 1) await first.promise;
    },
    1_000,
    3_600_000,
  );
  buffer.add(change("a"));
  const one = buffer.flush();
  await began.promise;
  buffer.add(change("b"));
  const other = buffer.flush();
  first.resolve();
  await Promise.all([one, other]);
  expect(batches).toEqual([["a"], ["b"]]);
});

test("a store with two writers gets two batches at once, of other jobs, and a refused one leaves the other", async () => {
  const ids: string[] = [];
  let atOnce = 0;
  let most = 0;
  const write: RecordStore["write"] = async (changes) => {
    most = Math.max(most, (atOnce += 1));
    if (changes.length > 1) await sleep(1);
    atOnce -= 1;
    if (changes.length > 1 && changes.some(({ id }) => id === "700"))
      throw new WaybillError("CONFIG_INVALID", "refused");
    ids.push(...changes.map(({ id }) => id));
  };
  const { buffer, heard } = bufferOn(write, 2_000, 3_600_000, 2);
  for (let id = 0; id < 1_500; id += 1) buffer.add(change(String(id)));
  await buffer.flush();
  expect(most).toBe(2);
  expect(ids.toSorted()).toEqual(Array.from({ length: 1_500 }, (_, id) => String(id)).toSorted());
  expect(heard).toEqual([]);
});

test("a store that hangs holds up neither a job nor close", async () => {
  const jobs = await connected(
    spoiled(() => ({ write: () => new Promise(() => undefined) })),
    { ...KEEP, closeTimeout: "100ms" },
  );
  const job = defineJob({ type: "t", handler: () => undefined });
  const done = eventOf(jobs, "settled");
  await jobs.worker({ jobs: [job], shutdown: { close: "100ms" } }).start();
  await jobs.enqueue(job, {});
  expect((await done).outcome).toBe("completed");
  const dropped = eventOf(jobs, "records_dropped");
  await jobs.close();
  expect((await dropped).count).toBeGreaterThanOrEqual(1);
});

test("changes wait in memory up to a limit; those beyond it are dropped and counted", async () => {
  let isAway = true;
  const written: string[] = [];
  const { buffer, heard } = bufferOn(async (changes) => {
    if (isAway) throw away;
    written.push(...changes.map(({ id }) => id));
  }, 3);
  for (const id of ["a", "b", "c", "d", "e", "a"]) buffer.add(change(id));
  await buffer.flush();
  isAway = false;
  await buffer.flush();
  expect(written).toEqual(["a", "b", "c"]);
  expect(heard).toEqual([
    ["records_unavailable", { at: 0, address: "x:", message: "the store is away" }],
    ["records_available", { at: 0, address: "x:" }],
    ["records_dropped", { at: 0, address: "x:", count: 2 }],
  ]);
});

test("a change that the store refuses is dropped and counted, and keeps out no other", async () => {
  const written: string[] = [];
  const { buffer, heard } = bufferOn(async (changes) => {
    if (changes.some(({ id }) => id === "bad")) throw new WaybillError("CONFIG_INVALID", "this cannot be stored");
    written.push(...changes.map(({ id }) => id));
  });
  for (const id of ["a", "bad", "c"]) buffer.add(change(id));
  await buffer.flush();
  expect(written).toEqual(["a", "c"]);
  expect(heard).toEqual([["records_dropped", { at: 0, address: "x:", count: 1 }]]);
});

test("a write whose response is lost is made again and counts once", async () => {
  const store = createRecordStore();
  let calls = 0;
  const { buffer } = bufferOn(async (changes) => {
    await store.write(changes);
    calls += 1;
    if (calls === 1) throw away;
  });
  buffer.add({ ...change("a"), items: { "a1.0": "{}" } });
  await buffer.flush();
  buffer.add({ ...change("a", 2), items: { "a1.0": "{}" } });
  await buffer.flush();
  expect(calls).toBe(2);
  expect(Object.keys((await store.get("a"))?.items ?? {})).toEqual(["a1.0"]);
});

test("a flush ends although more jobs keep coming", async () => {
  const { buffer } = bufferOn(async () => void (await sleep(1)));
  const ending = new AbortController();
  const adding = (async () => {
    for (let at = 0; !ending.signal.aborted; at += 1) {
      buffer.add(change(`job ${at}`));
      if (at % 50 === 0) await sleep(0);
    }
  })();
  await sleep(20);
  await buffer.flush();
  ending.abort();
  await adding;
});

test("of many workers one prunes in each interval, in steps of 500, until nothing is too much", async () => {
  const store = createRecordStore();
  for (let at = 0; at < 3; at += 1) {
    await store.write(Array.from({ length: 1_000 }, (_, index) => change(`${at}-${index}`, Date.now())));
  }
  const calls: number[] = [];
  let version = 0;
  const ledger = createLedger(() => ++version);
  const settings = { keepMs: null, most: 1_200, search: false, ledger, everyMs: 400 };
  const prune: RecordStore["prune"] = async (pruning) => {
    const removed = await store.prune(pruning);
    calls.push(removed);
    return removed;
  };
  const all = [1, 2, 3].map(() => createRetention({ ...settings, store: { prune } }));
  for (const one of all) one.begin();
  await expect.poll(() => calls.length, SOON).toBeGreaterThanOrEqual(4);
  for (const one of all) one.end();
  expect(calls.slice(0, 4)).toEqual([500, 500, 500, 300]);
});

test("watch follows a job until it has ended, and its signal ends it before", async () => {
  const jobs = await connected(memoryBackend(), KEEP);
  const job = defineJob({
    type: "t",
    async handler(_, running) {
      for (let done = 1; done <= 3; done += 1) {
        running.progress(done, 3);
        await expect.poll(() => seen.some(({ progress }) => progress?.done === done), SOON).toBe(true);
      }
    },
  });
  const seen: JobRecord[] = [];
  const { id } = await jobs.enqueue(job, {});
  await jobs.worker({ jobs: [job] }).start();
  for await (const record of jobs.watch(id)) seen.push(record);
  expect(new Set(seen.map(({ progress }) => progress?.done ?? 0))).toEqual(
    new Set([0, 1, 2, 3].slice(seen[0]?.progress ? 1 : 0)),
  );
  expect(seen.at(-1)?.state).toBe("completed");

  const ending = new AbortController();
  const watch = jobs.watch("of a job that is never seen", { signal: ending.signal });
  const next = watch.next();
  ending.abort();
  expect(await next).toEqual({ done: true, value: undefined });
});

test("a reader of watch that goes away, or whose signal is aborted, leaves no listener behind", async () => {
  const jobs = await connected(memoryBackend(), KEEP);
  const { id } = await jobs.enqueue(defineJob({ type: "t" }), {});
  const closed = new AbortController();
  const listeners = (): number => getEventListeners(closed.signal, "abort").length;
  for await (const { state } of jobs.watch(id, { signal: closed.signal })) {
    expect(state).toBe("waiting");
    break;
  }
  expect(listeners()).toBe(0);
  const watch = jobs.watch(id, { signal: closed.signal });
  await watch.next();
  const next = watch.next();
  await expect.poll(listeners, SOON).toBe(1);
  closed.abort();
  expect(await next).toEqual({ done: true, value: undefined });
  expect(listeners()).toBe(0);
});

test("options that cannot work are refused with the option, the value and what to write", async () => {
  const refused: readonly [ConnectOptions["records"], string][] = [
    ["soon" as "1d", 'records is "soon"'],
    [0, "records is 0"],
    [true as unknown as "1d", 'records is true: give how long a record is kept, such as "7d", or'],
    [{ most: 0 }, "most of records is 0"],
    [{ redact: ["card..number"] }, "redact of records is a list"],
    [{ kep: "7d" } as object, 'the options of records have no "kep"; did you mean "keep"?'],
    [null as unknown as "1d", "the options of records are null"],
  ];
  for (const [records, message] of refused) {
    await expect(connected("memory:", { records })).rejects.toThrow(message);
  }
});

test("a backend without records refuses the option, and a reader, by CAPABILITY_MISSING", async () => {
  const without = memoryWith(() => ({ recordStore: undefined }) as object);
  const open: BackendFactory = async (context) => {
    const { recordStore: _, ...backend } = (await without(context)) as object as { recordStore: unknown } & Awaited<
      ReturnType<BackendFactory>
    >;
    return backend;
  };
  await expect(connected(open, KEEP)).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
  const jobs = await connected(open);
  await expect(jobs.records.get("x")).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
  await expect(jobs.watch("x").next()).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
});

test("a filter that does not exist, is undefined or of another type is refused", async () => {
  const jobs = await connected();
  const queries = [
    { typ: "t" },
    { type: undefined },
    { state: "done" },
    { since: "1h" },
    { limit: 0 },
    { after: "x'--" },
    { text: "" },
  ];
  for (const query of queries) {
    await expect(jobs.records.find(query as object)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  }
});

test("a backend that borrows a ledger keeps its records there, apart from those of the lender", async () => {
  const lender = memoryBackend();
  const own = await connected(lender, KEEP);
  const borrower: BackendFactory = async () => {
    const { recordStore: _, ledger: __, jobControl: ___, ...rest } = await memoryBackend()();
    return { ...rest, name: "sqs" };
  };
  const jobs = await connected(borrower, { ...KEEP, ledger: lender });
  const [mine, other] = [await jobs.enqueue("t", {}), await own.enqueue("t", {})];
  expect((await jobs.records.find()).records.map(({ id }) => id)).toEqual([mine.id]);
  expect((await own.records.find()).records.map(({ id }) => id)).toEqual([other.id]);
  expect(await recordStoreOf(await lender(), "sqs")?.get(mine.id)).toMatchObject({ id: mine.id });
});
