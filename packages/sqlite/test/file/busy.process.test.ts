import { performance } from "node:perf_hooks";
import { expect, test } from "vitest";
import { start } from "../children/start.ts";
import { lease, message, open, temporaryFile } from "../temporary-file.ts";

/** The longest pause of this process's event loop since it was started, in ms. */
function watchLoop(): () => number {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const at = performance.now();
    longest = Math.max(longest, at - last);
    last = at;
  }, 5);
  return () => {
    clearInterval(timer);
    return longest;
  };
}

test("while another process writes for 2 s, the event loop never blocks for 100 ms, and the write then succeeds", async () => {
  const path = temporaryFile();
  const backend = await open({ path });
  const writer = start("write", path, { ms: 2_000 });
  await writer.firstLines(1);
  const longest = watchLoop();
  const begun = performance.now();
  const waiting = lease(backend, { waitMs: 10_000 });
  const sent = message();
  expect(await backend.enqueue([sent])).toMatchObject([{ ok: true }]);
  expect(performance.now() - begun).toBeGreaterThan(1_000);
  expect((await waiting).map(({ id }) => id)).toEqual([sent.id]);
  expect(longest()).toBeLessThan(100);
});

test("a write lock that is never released rejects enqueue within 10 s, naming the lock, and a lease call that looks once", async () => {
  const path = temporaryFile();
  const backend = await open({ path });
  const writer = start("write", path, { ms: 12_000 });
  await writer.firstLines(1);
  const longest = watchLoop();
  const begun = performance.now();
  const [enqueued, looked, waited] = await Promise.allSettled([
    backend.enqueue([message()]),
    lease(backend),
    lease(backend, { waitMs: 300 }),
  ]);
  expect(performance.now() - begun).toBeGreaterThan(9_000);
  expect(performance.now() - begun).toBeLessThan(10_000);
  const refusal = { code: "BACKEND_UNAVAILABLE", message: expect.stringMatching(/write lock of ".*waybill\.db"/) };
  expect(enqueued).toMatchObject({ status: "rejected", reason: refusal });
  expect(looked).toMatchObject({ status: "rejected", reason: refusal });
  expect(waited).toMatchObject({ status: "fulfilled", value: [] });
  // Three calls are tried in vain here, where the first test has one; the loop must go on between them.
  expect(longest()).toBeLessThan(250);
  await writer.ended;
  expect(await backend.enqueue([message()])).toMatchObject([{ ok: true }]);
});
