import type { Jobs, Why, WhyCode } from "@waybill/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deadSituations } from "./why/dead.ts";
import { endedSituations } from "./why/ended.ts";
import { leasedSituations } from "./why/leased.ts";
import { limitedSituations } from "./why/limited.ts";
import { flowSituations } from "./why/flows.ts";
import { recordedSituations } from "./why/recorded.ts";
import type { Made, Situation } from "./why/situation.ts";
import { backendNames, closeShared, freshStore, stageOf, type Stage, type Store, until } from "./why/stage.ts";
import { waitingSituations } from "./why/waiting.ts";

const situations: readonly Situation[] = [
  ...waitingSituations,
  ...limitedSituations,
  ...leasedSituations,
  ...deadSituations,
  ...endedSituations,
  ...recordedSituations,
  ...flowSituations,
];

/** Asks until it says all of it: a worker reports its jobs with each heartbeat. */
async function says(jobs: Jobs, made: Made, code: WhyCode): Promise<void> {
  let [said, why]: [Why | null, unknown] = [null, null];
  const isSaid = async (): Promise<boolean> => {
    said = await jobs.why(made.job);
    try {
      check(said, made, code);
      return true;
    } catch (thrown) {
      why = thrown;
      return false;
    }
  };
  await until(code, isSaid).catch((thrown: unknown) => {
    throw new Error(`it says ${JSON.stringify(said)} instead of ${code}`, { cause: why ?? thrown });
  });
}

function check(said: Why, made: Made, code: WhyCode): void {
  expect(said).toMatchObject({ code, id: typeof made.job === "string" ? made.job : made.job.id });
  expect(said.text.length).toBeGreaterThan(20);
  for (const { text, remedy } of [said, ...said.also]) {
    expect(text).not.toMatch(/undefined|null|NaN|\n/);
    expect(remedy).not.toMatch(/undefined|null|NaN|^$/);
  }
  expect(said.facts).toMatchObject(made.facts ?? {});
  for (const part of made.says ?? []) expect(said.text).toContain(part);
  expect(said.also.map((one) => one.code)).toEqual(expect.arrayContaining([...(made.also ?? [])]));
}

describe.each(backendNames)("on %s why says it of", { concurrent: true }, (backend) => {
  const cleaning: (() => unknown)[] = [];
  let store: Store;
  let jobs: Jobs;
  beforeAll(async () => {
    store = await freshStore(backend, (work) => void cleaning.push(work));
    jobs = await store.open();
  }, 120_000);
  afterAll(async () => {
    await closeShared(store);
    await (jobs as Jobs | undefined)?.close();
    for (const work of cleaning.toReversed()) await work();
  }, 120_000);

  for (const { name, code, onBrokers, codes = {}, unavailable = {}, make } of situations) {
    if (unavailable[backend] !== undefined) continue;
    test(name, async ({ onTestFinished }) => {
      const stage: Stage = stageOf(backend, store, jobs, onTestFinished);
      const made = await make(stage);
      const wanted = (stage.isBroker ? onBrokers : codes[backend]) ?? code;
      await says(made.on ?? jobs, made, wanted);
    });
  }
});

test.each(backendNames)("on %s the table has at least 25 situations", (backend) => {
  expect(situations.filter(({ unavailable = {} }) => unavailable[backend] === undefined).length).toBeGreaterThanOrEqual(
    25,
  );
});
