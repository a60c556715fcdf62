import type { Scenario } from "./frame/scenario.ts";
import { blockedLoop } from "./scenarios/blocked-loop.ts";
import { crowd, manyWithKills } from "./scenarios/many-jobs.ts";
import { rollingDeploy } from "./scenarios/replaced-workers.ts";
import { endedProcesses, killAtDefaults } from "./scenarios/ended-processes.ts";
import { enqueueManyFrozen } from "./scenarios/enqueue-many.ts";
import { fetchedJobs } from "./scenarios/fetched-jobs.ts";
import { fullDisk } from "./scenarios/full-disk.ts";
import { killedFlows } from "./scenarios/flows.ts";
import { killedProducers } from "./scenarios/killed-producers.ts";
import { killedWorkers } from "./scenarios/killed-workers.ts";
import { hotKey, killedLimits, rates } from "./scenarios/limits.ts";
import { noConnectionLeft } from "./scenarios/connection-limit.ts";
import { oldSnapshot } from "./scenarios/open-transaction.ts";
import { oneWayCuts } from "./scenarios/one-way-cuts.ts";
import { outages } from "./scenarios/outages.ts";
import { failedAttempts, longJobs } from "./scenarios/plain-work.ts";
import { poisonIsolation } from "./scenarios/poison-isolation.ts";
import { killerByPush, pushBehindNginx, pushUnderLoad } from "./scenarios/push.ts";
import { finishedId, killedAfterEffect, oneEffect } from "./scenarios/run-once.ts";
import { killedChain, killedScheduler } from "./scenarios/schedules.ts";
import { leasedJob, newerJobs, sameId, sameIdOnBroker } from "./scenarios/sharing.ts";
import { standstills } from "./scenarios/worker-freeze.ts";
import { stoppedWorker } from "./scenarios/stopped-worker.ts";
import { uniqueKeys } from "./scenarios/unique-keys.ts";
import { frozenServer, unreachableServers } from "./scenarios/server-freeze.ts";
import { wrongClocks } from "./scenarios/wrong-clocks.ts";
import { workerRegistry } from "./scenarios/worker-registry.ts";

/** The catalogue, in the order of the report. */
export const scenarios: readonly Scenario[] = [
  // Processes that end.
  killedWorkers,
  killedProducers,
  manyWithKills,
  killAtDefaults,
  ...endedProcesses,
  killedAfterEffect,
  failedAttempts,
  poisonIsolation,
  // Processes that are replaced.
  stoppedWorker,
  rollingDeploy,
  fetchedJobs,
  newerJobs,
  workerRegistry,
  // Processes that stand still.
  blockedLoop,
  ...standstills,
  longJobs,
  leasedJob,
  // Servers.
  ...outages,
  frozenServer,
  ...unreachableServers,
  enqueueManyFrozen,
  oneWayCuts,
  fullDisk,
  noConnectionLeft,
  oldSnapshot,
  wrongClocks,
  // What stands on the queue.
  crowd,
  uniqueKeys,
  killedLimits,
  rates,
  hotKey,
  killedScheduler,
  killedChain,
  killedFlows,
  sameId,
  sameIdOnBroker,
  oneEffect,
  finishedId,
  pushUnderLoad,
  pushBehindNginx,
  killerByPush,
];
