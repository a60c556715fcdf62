import { newId } from "@waybill/core";
import { parseEnvelope } from "@waybill/core/endpoint";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inProcess, targets } from "../src/backends.ts";
import type { Arrival, Disturbance, DeliveryPath, OpenPath } from "../src/delivery-paths/delivery-path.ts";
import type { Step } from "../src/delivery-paths/recorder.ts";
import { inline } from "../src/delivery-paths/inline.ts";
import { pulled } from "../src/delivery-paths/pulled.ts";
import { daemon, native, pushed } from "../src/delivery-paths/pushed.ts";
import { sent } from "../src/delivery-paths/sent.ts";
import { shut } from "../src/gates.ts";
import { jobs, type Situation, situations, waitingBody } from "../src/situations.ts";
import { sharedStore } from "./stores.ts";

const deliveryPaths: readonly DeliveryPath[] = [
  ...[inProcess, ...targets].map((target): DeliveryPath => ({
    name: `pulled from ${target.name}`,
    taken: "LEASE_LOST",
    open: async () => pulled({ factory: target.factory((await sharedStore(target)).url), jobs }),
  })),
  { name: "pushed natively", taken: "JOB_CANCELLED", open: () => pushed(native) },
  { name: "pushed by Elastic Beanstalk's daemon", taken: "JOB_CANCELLED", open: () => pushed(daemon) },
  { name: "sent on from memory", taken: "JOB_CANCELLED", open: sent },
];

/** The same job for each delivery path. Its label names it even where its body is not an envelope. */
function arriving(situation: Situation): Arrival {
  return { ...situation, label: { id: idIn(situation.body) ?? newId(), type: "ok", queue: "delivery-paths" } };
}

const withoutMessages = (steps: readonly Step[]): readonly Step[] => steps.map((step) => ({ ...step, message: null }));

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

describe.each(deliveryPaths)("$name", (path) => {
  let open: OpenPath;
  beforeAll(async () => {
    open = await path.open();
  }, 90_000);
  afterAll(() => open.close());

  test.each(table)("R2: $name ends as $verdict, by the same lifecycle events as inline", async (situation) => {
    const arrival = arriving(situation);
    const { outcome, code = null } = situation;
    const expected = await inline(arrival);
    expect(expected.steps.at(-1)).toMatchObject({ name: "finished", outcome, code });
    const { steps, reported } = await open.deliver(arrival);
    // The job was stored without a delay, and a leased job is due.
    if (code === "EARLY" && open.leasesWhenDue === true) return expect(reported).toBe("completed");
    // The sentence of EARLY says how many milliseconds are left.
    if (code === "EARLY") expect(withoutMessages(steps)).toEqual(withoutMessages(expected.steps));
    else expect(steps).toEqual(expected.steps);
    return expect(reported).toBe(outcome);
  });

  test.each(disturbances)(
    "R2: a job that %s ends once, by the same lifecycle events as inline",
    async (_, how, outcome) => {
      const arrival = arriving({ name: "waits", body: waitingBody(), outcome });
      const inlineSteps = (await inline(arrival, how)).steps;
      shut(arrival.label.id);
      const expected = inlineSteps.map((step) => (step.code === "LEASE_LOST" ? { ...step, code: path.taken } : step));
      expect(expected.at(-1)).toMatchObject({ name: "finished", outcome });
      const { steps, reported } = await open.disturb(how, arrival);
      shut(arrival.label.id);
      // Each path has a sentence of its own for the reason of an abort.
      expect(withoutMessages(steps)).toEqual(withoutMessages(expected));
      if (how !== "taken") expect(reported).toBe(outcome);
    },
  );
});
