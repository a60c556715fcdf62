import { memoryCapabilities } from "@waybill/core/memory";
import { expect, test } from "vitest";
import { capabilityMatrix } from "../src/index.ts";
import { profiles } from "./profiles.ts";

test("the capability table says in words what each backend does, and what happens beyond its limits", () => {
  const limited = { ...memoryCapabilities, ...profiles["limited like SQS"] };
  const connected = { ...memoryCapabilities, ...profiles["limited like AMQP"] };
  const table = capabilityMatrix([
    { name: "memory", capabilities: memoryCapabilities },
    { name: "few", capabilities: limited },
    { name: "none", capabilities: connected },
  ]);
  expect(table.split("\n")).toEqual([
    "|  | memory | few | none |",
    "| --- | --- | --- | --- |",
    "| longest delay at enqueue | any | 15 min (beyond: emulated) | refused |",
    "| longest delay at retry | any | 15 min (beyond: emulated) | refused |",
    "| a delay ends by | the store's clock | also the worker's clock | also the worker's clock |",
    "| priorities | 201 | refused | refused |",
    "| largest body | 1024 KiB | 256 KiB | 1024 KiB |",
    "| messages a call | 1000 | 10 | 1000 |",
    "| longest lease | any | 12 h | the connection |",
    "| longest run of a job | any | 12 h | any |",
    "| order within a priority | first in, first out | not promised | first in, first out |",
    "| same id enqueued twice | stored once | stored twice | stored twice |",
    "| what counts as an attempt | every failure | every failure | every failure |",
    "| dead workers counted | yes | yes | no |",
    "| releases counted | yes | yes | no |",
    "| survives a restart of the machine | no | no | no |",
    "",
  ]);
});
