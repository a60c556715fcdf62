import { describe, expect, test } from "vitest";
import { connect, defineJob, type Jobs, type LogLine, type Requirement } from "../../src/index.ts";
import { assertRequirements, offersOf } from "../../src/exports/endpoint.ts";
import { memoryCapabilities } from "../../src/memory/limits.ts";
import { connected, memoryWith } from "../helpers/connected.ts";

const poor = {
  ...memoryCapabilities,
  maxDelayMs: 0,
  maxRetryDelayMs: 0,
  priorityLevels: 1,
  ordering: "none",
  uniqueIds: false,
  durable: false,
} as const;

describe("what a backend offers follows from its limits", () => {
  test.each<[Requirement, object]>([
    ["delay", { maxDelayMs: 1 }],
    ["delay", { maxRetryDelayMs: 1 }],
    ["priority", { priorityLevels: 2 }],
    ["ordering:fifo", { ordering: "fifo" }],
    ["unique_ids", { uniqueIds: true }],
    ["durable", { durable: true }],
  ])("%s", (requirement, more) => {
    expect(offersOf(poor)).toEqual(["delivery:pull", "lease"]);
    expect(offersOf({ ...poor, ...more })).toEqual(["delivery:pull", "lease", requirement]);
  });
});

test("all that is missing is named, beside what is there and the way out", () => {
  const insist = (): void =>
    assertRequirements(["lease", "delivery:push", "durable"], offersOf(poor), "the backend at x:");
  expect(insist).toThrow(expect.objectContaining({ code: "CAPABILITY_MISSING" }));
  expect(insist).toThrow(
    'the backend at x: does not offer "delivery:push", "durable"; it offers delivery:pull, lease. ' +
      "Choose another backend or endpoint, or remove it from `require`",
  );
  expect(() => assertRequirements([], [], "nobody")).not.toThrow();
});

test("a program does not start on a backend that lacks what it insists on, and leaves no connection behind", async () => {
  let closed = 0;
  const factory = memoryWith((backend) => ({
    capabilities: poor,
    close: async () => {
      closed += 1;
      await backend.close();
    },
  }));
  const refused: Promise<Jobs> = connect(factory, { log: "off", require: ["delay", "priority"] });
  await expect(refused).rejects.toMatchObject({
    code: "CAPABILITY_MISSING",
    message: expect.stringMatching(/^the backend at memory: does not offer "delay", "priority"/),
  });
  expect(closed).toBe(1);
  await expect(
    connected(
      memoryWith(() => ({})),
      { require: ["delay", "priority"] },
    ),
  ).resolves.toBeDefined();
});

test("a worker's boot line says what its backend offers, as a pin may name it", async () => {
  const lines: LogLine[] = [];
  const jobs = await connected("memory:", { log: (line) => lines.push(line) });
  await jobs.worker({ jobs: [defineJob({ type: "work", handler() {} })] }).start();
  const { offers } = lines.find(({ event }) => event === "booted") as unknown as { offers: Requirement[] };
  expect(offers).toEqual(offersOf(jobs.backend.capabilities));
  expect(() => assertRequirements(offers, offers, "itself")).not.toThrow();
});

test("transactions are offered by a backend that takes part in them, and by no other", async () => {
  const enqueueIn = async () => [];
  const completeIn = async () => {};
  const offering = memoryWith(() => ({ enqueueIn, completeIn }) as object);
  await expect(connected(offering, { require: ["transactions"] })).resolves.toBeDefined();
  const plain = connected(
    memoryWith(() => ({})),
    { require: ["transactions"] },
  );
  await expect(plain).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
});
