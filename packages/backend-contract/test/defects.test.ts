import { memoryBackend } from "@waybill/core/memory";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { contractCases, type Harness, runCase } from "../src/index.ts";
import { arrivingDefects } from "./defects/arriving.ts";
import { controlDefects } from "./defects/control.ts";
import { controlListDefects } from "./defects/control-list.ts";
import { controlTraceDefects } from "./defects/control-trace.ts";
import { controlWaitingDefects } from "./defects/control-waiting.ts";
import { deadLetteringDefects } from "./defects/dead-lettering.ts";
import { closingDefects } from "./defects/closing.ts";
import { concurrencyDefects } from "./defects/concurrency.ts";
import { extendingDefects } from "./defects/extending.ts";
import { keyOrderDefects } from "./defects/key-order.ts";
import { keyEndDefects } from "./defects/key-ends.ts";
import { withInbox } from "./defects/inbox.ts";
import { ledgerDefects } from "./defects/ledger.ts";
import { ledgerRangeDefects } from "./defects/ledger-ranges.ts";
import { leasingDefects } from "./defects/leasing.ts";
import { always, type Defect, spoiled } from "./defects/planted.ts";
import { recordDefects } from "./defects/records.ts";
import { uniqueDefects } from "./defects/unique.ts";
import { workerRegistryDefects } from "./defects/worker-registry.ts";
import { countingDefects, settlingDefects } from "./defects/settling.ts";
import { storingDefects } from "./defects/storing.ts";
import { profiles } from "./profiles.ts";

// On a clock that jumps to the next timer as soon as nothing else is left to do: a hundred times a hundred rules take
// seconds, and a slow machine cannot make a rule fail that should pass. The other tests of the suite use the real clock.
beforeAll(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
  vi.setTimerTickMode("nextTimerAsync");
});
afterAll(() => vi.useRealTimers());

const defects: readonly Defect[] = [
  ...storingDefects,
  ...leasingDefects,
  ...concurrencyDefects,
  ...keyEndDefects,
  ...keyOrderDefects,
  ...settlingDefects,
  ...countingDefects,
  ...extendingDefects,
  ...deadLetteringDefects,
  ...arrivingDefects,
  ...workerRegistryDefects,
  ...ledgerDefects,
  ...ledgerRangeDefects,
  ...recordDefects,
  ...controlListDefects,
  ...controlDefects,
  ...controlWaitingDefects,
  ...controlTraceDefects,
  ...uniqueDefects,
  ...closingDefects,
];

/** The rules that fail on the memory backend with this defect planted in it. */
async function rulesThatSee(defect: Defect): Promise<string[]> {
  const capabilities = profiles[defect.profile ?? "with all it has"] ?? {};
  const harness: Harness = {
    tickMs: 15,
    promptMs: 400,
    eventuallyMs: 1_200,
    async fresh() {
      const open = spoiled(memoryBackend({ capabilities }), defect);
      return defect.arrivals ? withInbox(open) : { open };
    },
  };
  const results = await Promise.all(contractCases.map((rule) => runCase(rule, harness)));
  return contractCases.filter((_, index) => results[index]?.kind === "failed").map((rule) => rule.name);
}

test("every rule is the only one to see some defect, so that none could be left out", () => {
  expect(defects.map((defect) => defect.seenBy).sort()).toEqual(contractCases.map((rule) => rule.name).sort());
});

describe("a planted defect is seen by its rule and by no other", { concurrent: true }, () => {
  for (const defect of defects) {
    test(defect.defect, async ({ expect: check }) => {
      check(await rulesThatSee(defect)).toEqual([defect.seenBy]);
    });
  }
});

test("R15: a backend that acks before the job has run fails the rule about workers that die", async () => {
  const acksFirst: Defect = {
    defect: "a delivery is acked as it is handed out",
    seenBy: "a message whose worker died is delivered again, as the same attempt",
    plant: always((good) => ({
      async lease(request) {
        const found = await good.lease(request);
        if (found.length > 0) await good.ack(found);
        return found;
      },
      ack: async (leases) => leases.map(() => ({ ok: true, value: null })),
    })),
  };
  expect(await rulesThatSee(acksFirst)).toContain(acksFirst.seenBy);
});
