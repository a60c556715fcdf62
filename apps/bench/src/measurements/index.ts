import { blocked } from "./blocked.ts";
import { broker } from "./broker.ts";
import { cpu } from "./cpu.ts";
import { bulk, enqueue } from "./enqueue.ts";
import { stream } from "./stream.ts";
import { flows } from "./flows.ts";
import { idle } from "./idle.ts";
import { latency, produce } from "./latency.ts";
import { memory } from "./memory.ts";
import { process } from "./process.ts";
import { push } from "./push.ts";
import { pushLoad } from "./push-load.ts";
import { rawBulk, rawEnqueue, rawProcess } from "./raw.ts";

/** Everything that can be measured in a process of its own, by name. */
export const measurements = {
  blocked,
  broker,
  enqueue,
  bulk,
  flows,
  stream,
  process,
  rawEnqueue,
  rawBulk,
  rawProcess,
  cpu,
  idle,
  memory,
  latency,
  push,
  pushLoad,
  produce: (input: { readonly directory: string; readonly url: string; readonly jobs: number }) =>
    produce(input.url, input.jobs),
} as const;

export type MeasurementName = keyof typeof measurements;
export type MeasurementInput<Name extends MeasurementName> = Parameters<(typeof measurements)[Name]>[0];
export type MeasurementResult<Name extends MeasurementName> = Awaited<ReturnType<(typeof measurements)[Name]>>;
