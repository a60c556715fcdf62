import { expect, test } from "vitest";
import { defineJob, handlerFor, type JobContext, RetryLater } from "../../src/index.ts";
import { type Simulation, simulateCrashes } from "../../src/testing/index.ts";

const receipt = defineJob<never>({ type: "receipt.send", retry: { maxAttempts: 3 } });

/** A mail server that never forgets and a table that says which receipts went out. */
class World {
  readonly letters: string[] = [];
  readonly mail = {
    send: async (orderId: string): Promise<void> => void this.letters.push(orderId),
    /** Knows a letter by its key, as real ones do. */
    sendOnce: async (key: string): Promise<void> => {
      if (!this.letters.includes(key)) this.letters.push(key);
    },
  };
  readonly sent = new Set<string>();
  readonly table = {
    has: async (orderId: string): Promise<boolean> => this.sent.has(orderId),
    add: async (orderId: string): Promise<void> => void this.sent.add(orderId),
  };
}

type Handle = (world: World, orderId: string, job: JobContext) => Promise<void>;

function simulation(handle: Handle, more: Partial<Simulation<World, unknown, unknown>> = {}) {
  return simulateCrashes({
    world: () => new World(),
    job: (world: World) =>
      handlerFor(receipt, (payload, job) => handle(world, (payload as { orderId: string }).orderId, job)),
    payload: { orderId: "o_1" },
    check: (world) => expect(world.letters).toEqual(["o_1"]),
    ...more,
  });
}

const idempotent: Handle = async ({ mail, table }, orderId) => {
  if (await table.has(orderId)) return;
  await mail.sendOnce(orderId);
  await table.add(orderId);
};

test("a handler that bears being run again passes, and the report says what it bore", async () => {
  const report = await simulation(idempotent);
  expect(report.cases).toBe(200 + 1 + 3 * 2 + 2);
  expect(report.crashes).toBeGreaterThan(100);
  expect(report.duplicates).toBeGreaterThan(50);
});

test("a handler that marks its work after doing it is caught at the very crash between the two", async () => {
  const marksAfter: Handle = async ({ mail, table }, orderId) => {
    if (await table.has(orderId)) return;
    await mail.send(orderId);
    await table.add(orderId);
  };
  await expect(simulation(marksAfter)).rejects.toThrow(
    /after a crash after call 1, died after mail\.send \(call 1\): /,
  );
});

test("a handler that marks its work before doing it is caught by the letter that never went out", async () => {
  const marksBefore: Handle = async ({ mail, table }, orderId) => {
    if (await table.has(orderId)) return;
    await table.add(orderId);
    await mail.send(orderId);
  };
  await expect(simulation(marksBefore)).rejects.toThrow(/died after table\.add \(call 1\)/);
});

test("a handler that looks and then writes is caught when two deliveries meet between the two", async () => {
  const racy: Handle = async ({ letters, table }, orderId) => {
    if (await table.has(orderId)) return;
    await table.add(orderId);
    letters.push(orderId);
  };
  const twice = { check: (world: World) => expect(world.letters.length).toBeLessThan(2) };
  await expect(simulation(racy, twice)).rejects.toThrow(/after two deliveries at once|after seed/);
});

test("what only two crashes together bring out is found at random; its seed alone fails in the same words", async () => {
  const bearsOne: Handle = ({ mail }, orderId, { delivery }) =>
    delivery.lost < 2 ? mail.sendOnce(orderId) : mail.send(orderId);
  const failure = await simulation(bearsOne).then(
    () => new Error("it passed"),
    (error: Error) => error,
  );
  const seed = Number(/replay it alone with \{ seed: (\d+) \}/.exec(failure.message)?.[1]);
  expect(seed).toBeGreaterThan(0);
  await expect(simulation(bearsOne, { seed })).rejects.toThrow(failure.message);
});

test("failed attempts and releases are delivered again, and the end is told to the check", async () => {
  const wavering: Handle = async (world, orderId, { attempt }) => {
    if (attempt === 1) throw new Error("no luck");
    if (!world.sent.has("asked")) {
      world.sent.add("asked");
      throw new RetryLater(60_000);
    }
    await world.mail.sendOnce(orderId);
  };
  const ends: string[] = [];
  await simulation(wavering, { check: (_, end) => void ends.push(end.kind) });
  expect(new Set(ends)).toEqual(new Set(["completed"]));
  const hopeless: Handle = async () => {
    throw new Error("never");
  };
  await simulation(hopeless, {
    cases: 0,
    check: (_, end) => expect(end).toMatchObject({ kind: "dead", reason: { code: "ATTEMPTS_EXHAUSTED" } }),
  });
});

test("processes that died leave no timer behind, so the process of a test may end", async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((one) => one === "Timeout").length;
  const before = timers();
  const { crashes } = await simulation(async ({ mail }, orderId) => mail.sendOnce(orderId));
  expect(crashes).toBeGreaterThan(100);
  expect(timers() - before).toBeLessThan(20);
});
