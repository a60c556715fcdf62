import { brokerNames } from "../brokers/index.ts";
import { brokerScenario } from "./broker.ts";
import { bulkScenario } from "./bulk.ts";
import { cpuScenario } from "./cpu.ts";
import { enqueueScenario } from "./enqueue.ts";
import { flowsScenario } from "./flows.ts";
import { idleScenario } from "./idle.ts";
import { keysScenario } from "./keys.ts";
import { latencyScenario } from "./latency.ts";
import { memoryScenario } from "./memory.ts";
import { processScenario } from "./process.ts";
import { pushScenario } from "./push.ts";
import { recordsScenario } from "./records.ts";
import type { Scenario } from "./scenario.ts";
import { streamScenario } from "./stream.ts";

/** In the order they are run and printed; each broker is a scenario of its own. */
export const scenarios: readonly Scenario[] = [
  enqueueScenario,
  bulkScenario,
  processScenario,
  cpuScenario,
  latencyScenario,
  idleScenario,
  memoryScenario,
  pushScenario,
  ...brokerNames.map(brokerScenario),
  keysScenario,
  recordsScenario,
  flowsScenario,
  streamScenario,
];
