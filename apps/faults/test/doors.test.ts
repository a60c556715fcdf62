import { newId } from "@waybill/core";
import { parseEnvelope } from "@waybill/core/door";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inProcess, targets } from "../src/backends.ts";
import type { Arrival, Disturbance, Door, OpenDoor } from "../src/doors/door.ts";
import { inline } from "../src/doors/inline.ts";
import { pulled } from "../src/doors/pulled.ts";
import { daemon, native, pushed } from "../src/doors/pushed.ts";
import { sent } from "../src/doors/sent.ts";
import { shut } from "../src/gates.ts";
import { jobs, type Situation, situations, waitingBody } from "../src/situations.ts";
import { sharedStore } from "./stores.ts";

const doors: readonly Door[] = [
  ...[inProcess, ...targets].map((target): Door => ({
    name: `pulled from ${target.name}`,
    taken: "LEASE_LOST",
    open: async () => pulled({ factory: target.factory((await sharedStore(target)).url), jobs }),
  })),
  { name: "pushed natively", taken: "JOB_CANCELLED", open: () => pushed(native) },
  { name: "pushed by Elastic Beanstalk's daemon", taken: "JOB_CANCELLED", open: () => pushed(daemon) },
  { name: "sent on from memory", taken: "JOB_CANCELLED", open: sent },
];

/** The same job at each door; its label names it even where its body is no envelope. */
function arriving(situation: Situation): Arrival {
  return { ...situation, label: { id: idIn(situation.body) ?? newId(), type: "ok", queue: "doors" } };
}

function idIn(body: string): string | null {
  try {
    return parseEnvelope(body).id;
  } catch {
    return null;
  }
}

const table = situations.map((situation) => ({ ...situation, verdict: situation.code ?? situation.outcome }));

const disturbances: readonly (readonly [what: string, Disturbance, Situation["outcome"]])[] = [
  ["is taken away while it runs", "taken", "release"],
  ["runs at a shutdown", "shutdown", "release"],
  ["comes again while it runs", "twice", "completed"],
];

describe.each(doors)("$name", (door) => {
  let open: OpenDoor;
  beforeAll(async () => {
    open = await door.open();
  }, 90_000);
  afterAll(() => open.close());

  test.each(table)("R2: $name ends as $verdict, by the same lifecycle events as inline", async (situation) => {
    const arrival = arriving(situation);
    const { outcome, code = null } = situation;
    const expected = await inline(arrival);
    expect(expected.steps.at(-1)).toMatchObject({ name: "finished", outcome, code });
    const { steps, told } = await open.deliver(arrival);
    // The store was given the job without a delay, and what it leases is due.
    if (code === "EARLY" && open.leasesWhenDue === true) return expect(told).toBe("completed");
    expect(JSON.stringify(steps)).toBe(JSON.stringify(expected.steps));
    return expect(told).toBe(outcome);
  });

  test.each(disturbances)(
    "R2: a job that %s ends once, by the same lifecycle events as inline",
    async (_, how, outcome) => {
      const arrival = arriving({ name: "waits", body: waitingBody(), outcome });
      const inlineSteps = (await inline(arrival, how)).steps;
      shut(arrival.label.id);
      const expected = inlineSteps.map((step) => (step.code === "LEASE_LOST" ? { ...step, code: door.taken } : step));
      expect(expected.at(-1)).toMatchObject({ name: "finished", outcome });
      const { steps, told } = await open.disturb(how, arrival);
      shut(arrival.label.id);
      expect(JSON.stringify(steps)).toBe(JSON.stringify(expected));
      if (how !== "taken") expect(told).toBe(outcome);
    },
  );
});
