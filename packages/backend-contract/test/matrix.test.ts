import { memoryCapabilities } from "@waybill/core/memory";
import { expect, test } from "vitest";
import { capabilityMatrix } from "../src/index.ts";
import { profiles } from "./profiles.ts";

test("the capability table says in words what each backend does, and what happens beyond its limits", () => {
  const limited = { ...memoryCapabilities, ...profiles["limited like SQS"] };
  const connected = { ...memoryCapabilities, ...profiles["limited like AMQP"] };
  const table = capabilityMatrix([
    { name: "memory", capabilities: memoryCapabilities, hasLedger: true, hasWorkerRegistry: true, hasJobControl: true },
    { name: "few", capabilities: limited, hasLedger: false, hasWorkerRegistry: false, hasJobControl: false },
    { name: "none", capabilities: connected, hasLedger: true, hasWorkerRegistry: false, hasJobControl: false },
  ]);
  expect(table.split("\n")).toEqual([
    "|  | memory | few | none |",
    "| --- | --- | --- | --- |",
    "| longest delay at enqueue | any | 15 min (beyond: emulated) | refused |",
    "| longest delay at retry | any | 15 min (beyond: emulated) | refused |",
    "| whose clock ends a delay | the store's clock | also the worker's clock | also the worker's clock |",
    "| priorities | 201 | refused | refused |",
    "| largest body | 1024 KiB | 256 KiB | 1024 KiB |",
    "| messages per call | 1000 | 10 | 1000 |",
    "| longest lease | any | 12 h | the connection |",
    "| longest run of a job | any | 12 h | any |",
    "| order within a priority | first in, first out | not promised | first in, first out |",
    "| same id enqueued twice | stored once | stored twice | stored twice |",
    "| what counts as an attempt | every failure | every failure | every failure |",
    "| dead workers counted | yes | yes | no |",
    "| releases counted | yes | yes | no |",
    "| ledger | its own | borrowed | its own |",
    "| list of its workers | native | emulated with a borrowed ledger | emulated |",
    "| unique keys | native | emulated with a borrowed ledger | emulated |",
    "| concurrency of a key or a queue | native | emulated with a borrowed ledger | emulated |",
    "| rate of a key or a queue | emulated | emulated with a borrowed ledger | emulated |",
    "| results; flows | emulated | emulated with a borrowed ledger | emulated |",
    "| schedules | emulated | emulated with a borrowed ledger | emulated |",
    "| fairness among tenants | refused | refused | refused |",
    "| jobs found, listed, rescheduled | native | refused | refused |",
    "| a waiting job cancelled | at once | when it is delivered, with a borrowed ledger | when it is delivered, with a borrowed ledger |",
    "| a running job cancelled; a queue paused | emulated | emulated with a borrowed ledger | emulated |",
    "| a type paused | native | emulated with a borrowed ledger | emulated |",
    "| records of what happened to a job | native | in the backend of a borrowed ledger | native |",
    "| a finished id remembered | emulated | emulated with a borrowed ledger | emulated |",
    "| survives a restart of the machine | no | no | no |",
    "",
  ]);
});
