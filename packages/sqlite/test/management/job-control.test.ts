import { DatabaseSync } from "node:sqlite";
import type { LeaseRequest } from "@waybill/core/backend";
import { expect, test, vi } from "vitest";
import { start } from "../children/start.ts";
import { lease, message, open, temporaryFile } from "../temporary-file.ts";

const one: Partial<LeaseRequest> = { concurrency: { sync: 1 } };
const acme = { limitKeys: { sync: "acme" } };

test("a rare job is found among 3,500, on a page that says it is the last", async () => {
  const backend = await open({ path: temporaryFile() });
  const wanted = { body: '{"to":"anna"}', type: "rare" };
  for (let call = 0; call < 4; call += 1) {
    const parts = Array.from({ length: 900 }, (_, n) => message({ id: `job-${call}-${n}` }));
    await backend.enqueue(call === 3 ? [...parts.slice(0, 799), message({ ...wanted, id: "zz" })] : parts);
  }
  for (const query of [{ type: "rare" }, { text: "ANNA" }, { ids: ["zz"] }]) {
    expect(await backend.jobControl.list(query)).toMatchObject({ jobs: [{ id: "zz" }], next: null });
  }
  const page = await backend.jobControl.list({ limit: 1_000 });
  expect(page).toMatchObject({ jobs: { length: 1_000 }, next: page.jobs.at(-1)?.id });
});

test("jobs that are named are found without a look at the others", async () => {
  const backend = await open({ path: temporaryFile() });
  for (let call = 0; call < 4; call += 1) {
    await backend.enqueue(Array.from({ length: 900 }, (_, n) => message({ id: `job-${call}-${n}` })));
  }
  // The search of many jobs lets the event loop turn after each slice.
  const turns = vi.spyOn(globalThis, "setImmediate");
  const ids = ["job-3-7", "job-0-1", "none", "job-3-7"];
  expect(await backend.jobControl.list({ ids })).toMatchObject({
    jobs: [{ id: "job-0-1" }, { id: "job-3-7" }],
    next: null,
  });
  expect(turns.mock.calls.length).toBeLessThan(2);
  turns.mockRestore();
  const first = await backend.jobControl.list({ ids, limit: 1 });
  expect(first).toMatchObject({ jobs: [{ id: "job-0-1" }], next: "job-0-1" });
  expect(await backend.jobControl.list({ ids, limit: 1, after: "job-0-1" })).toMatchObject({
    jobs: [{ id: "job-3-7" }],
    next: null,
  });
});

test("a job whose key is full is listed as waiting, one whose type is paused as ready, and neither moves by 'at once'", async () => {
  const backend = await open({ path: temporaryFile() });
  await backend.enqueue([
    message({ id: "a", ...acme }),
    message({ id: "b", ...acme }),
    message({ id: "c", type: "mail" }),
  ]);
  await lease(backend, { ...one, limit: 5, excludeTypes: ["mail"] });
  const { jobs } = await backend.jobControl.list({});
  expect(jobs).toMatchObject([
    { id: "a", state: "leased" },
    { id: "b", state: "waiting", dueAt: null },
    { id: "c", state: "ready", dueAt: null },
  ]);
  expect(await backend.jobControl.reschedule(["a", "b", "c"], 0)).toEqual(["leased", "done", "done"]);
  expect((await backend.jobControl.list({ state: "waiting" })).jobs).toMatchObject([{ id: "b" }]);
  expect(await lease(backend, { ...one, limit: 5 })).toMatchObject([{ id: "c" }]);
});

test.for(["cancelled", "rescheduled"] as const)(
  "a job that was woken for a slot and is %s leaves it to the next",
  async (what) => {
    const backend = await open({ path: temporaryFile() });
    await backend.enqueue(["a", "b", "c"].map((id) => message({ id, ...acme })));
    const [first] = await lease(backend, { ...one, limit: 5 });
    await backend.ack([first!]);
    // b is ready now, and c waits behind it.
    const { cancel, reschedule } = backend.jobControl;
    expect(await (what === "cancelled" ? cancel(["b"]) : reschedule(["b"], 60_000))).toEqual(["done"]);
    expect(await lease(backend, { ...one, limit: 5 })).toMatchObject([{ id: "c" }]);
  },
);

test("a cancelled job frees its unique key, and one that waits for a key leaves no row behind", async () => {
  const path = temporaryFile();
  const backend = await open({ path });
  const unique = { key: "k", until: "end", onConflict: "reject" } as const;
  await backend.enqueue([message({ id: "a", ...acme }), message({ id: "b", ...acme, unique })]);
  await lease(backend, { ...one, limit: 5 });
  expect(await backend.jobControl.cancel(["b"])).toEqual(["done"]);
  expect(await backend.enqueue([message({ unique })])).toMatchObject([{ ok: true }]);
  const db = new DatabaseSync(path, { readOnly: true });
  expect(db.prepare("SELECT * FROM waybill_waiting").all()).toEqual([]);
  db.close();
});

test("of 3,000 jobs that a worker runs while others are cancelled, each is cancelled or runs, and none both", async () => {
  const path = temporaryFile();
  const backend = await open({ path });
  const ids = Array.from({ length: 3_000 }, (_, n) => `job-${String(n).padStart(4, "0")}`);
  for (let from = 0; from < ids.length; from += 1_000) {
    await backend.enqueue(ids.slice(from, from + 1_000).map((id) => message({ id })));
  }
  const worker = start("work", path, { ms: 1_000 });
  const cancelled: string[] = [];
  for (let from = ids.length; from > 0; from -= 20) {
    const asked = ids.slice(Math.max(from - 20, 0), from);
    const results = await backend.jobControl.cancel(asked);
    cancelled.push(...asked.filter((_, index) => results[index] === "done"));
    if (from % 200 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(await worker.ended).toBe(0);
  const ran = worker.lines();
  expect(cancelled.length).toBeGreaterThan(0);
  expect([...cancelled, ...ran].toSorted()).toEqual(ids);
});
