import type { JobDefinition } from "@waybill/core";
import type { DiscoveryService } from "@nestjs/core";
import type { Enhancers } from "./enhancers.ts";
import { refuse } from "./refuse.ts";

/** What one `forRoot` or `forFeature` makes known. */
export interface Feature {
  readonly jobs: readonly JobDefinition[];
  readonly enhancers?: Enhancers;
}

export interface RegisteredJob {
  readonly definition: JobDefinition;
  /** Undefined: nobody said. */
  enhancers: Enhancers | undefined;
}

/** By type. */
export type Registered = ReadonlyMap<string, RegisteredJob>;

export const FEATURE: unique symbol = Symbol("waybill.feature");

/** Every definition the application's modules know, by type. Throws `CONFIG_INVALID` for two of one type. */
export function registeredJobs(root: Feature, discovery: DiscoveryService): Registered {
  const byType = new Map<string, RegisteredJob>();
  const features = discovery.getProviders().filter(({ token }) => token === FEATURE);
  for (const feature of features) add(feature.instance as Feature);
  add({ jobs: root.jobs });
  for (const job of byType.values()) job.enhancers ??= root.enhancers;
  return byType;

  function add({ jobs, enhancers }: Feature): void {
    for (const definition of jobs) {
      const known = byType.get(definition.type);
      if (known !== undefined && known.definition !== definition) {
        throw refuse(`job type "${definition.type}" is defined twice in the application; keep one definition`);
      }
      const job = known ?? { definition, enhancers: undefined };
      if (enhancers !== undefined && job.enhancers !== undefined && String(enhancers) !== String(job.enhancers)) {
        throw refuse(`two modules disagree on the enhancers of job "${definition.type}"; let one of them say it`);
      }
      job.enhancers ??= enhancers;
      byType.set(definition.type, job);
    }
  }
}
