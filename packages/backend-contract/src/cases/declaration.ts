import assert from "node:assert/strict";
import type { ContractCase } from "../contract-case.ts";

const subject = "declaration";
const LONGEST_DELAY_MS = 366 * 86_400_000;

export const declarationCases: readonly ContractCase[] = [
  {
    subject,
    name: "limits are numbers in range: no NaN, nothing negative, at least one priority and one message a batch",
    async run({ backend }) {
      const has = backend.capabilities;
      const limits = Object.entries(has).filter(([, value]) => typeof value === "number");
      for (const [name, value] of limits) assert.ok(Number(value) >= 0, `${name} is ${String(value)}`);
      for (const name of ["priorityLevels", "maxBatch", "maxBatchBytes", "maxBodyBytes", "maxInFlight"] as const) {
        assert.ok(has[name] >= 1, `${name} is ${has[name]}`);
      }
      assert.ok(has.priorityLevels <= 201, `priorityLevels is ${has.priorityLevels}`);
      const isCut = Math.min(has.maxDelayMs, has.maxRetryDelayMs) < LONGEST_DELAY_MS;
      assert.ok(
        !has.leasesWhenDue || !isCut,
        "leasesWhenDue is true, and a long delay would be cut: its job comes before it is due",
      );
    },
  },
  {
    subject,
    name: "its name is one lower-case word and its address names no secret",
    async run({ backend }) {
      assert.match(backend.name, /^[a-z][a-z0-9]*$/);
      assert.ok(backend.address.length > 0, "the address is empty");
      assert.doesNotMatch(backend.address, /:\/\/[^/@]*:[^/@]+@/);
    },
  },
  {
    subject,
    name: "what is not counted is reported as 0",
    appliesTo: (has) => !has.countsLost || !has.countsReleases || "it counts both losses and releases",
    async run({ backend, put, leaseOne }) {
      const { countsLost, countsReleases } = backend.capabilities;
      await put();
      await backend.retry(await leaseOne(), { delayMs: 0, countsAttempt: false });
      const { lost, releases } = await leaseOne();
      if (!countsLost) assert.equal(lost, 0);
      if (!countsReleases) assert.equal(releases, 0);
    },
  },
];
