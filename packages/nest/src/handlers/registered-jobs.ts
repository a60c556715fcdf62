import type { JobDefinition } from "@waybill/core";
import type { DiscoveryService } from "@nestjs/core";
import type { Enhancers } from "./enhancers.ts";
import { configError } from "../config-error.ts";

/** The definitions of one `forRoot` or `forFeature`. */
export interface Feature {
  readonly jobs: readonly JobDefinition[];
  readonly enhancers?: Enhancers | undefined;
}

export interface RegisteredJob {
  readonly definition: JobDefinition;
  /** Undefined: neither `forRoot` nor `forFeature` sets them. */
  enhancers: Enhancers | undefined;
}

/** By type. */
export type RegisteredJobs = ReadonlyMap<string, RegisteredJob>;

export const FEATURE: unique symbol = Symbol("waybill.feature");

/** Returns every definition of the application's modules, by type. Throws `CONFIG_INVALID` for two of one type. */
export function registeredJobs(root: Feature, discovery: DiscoveryService): RegisteredJobs {
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
        throw configError(`job type "${definition.type}" is defined twice in the application; keep one definition`);
      }
      const job = known ?? { definition, enhancers: undefined };
      if (enhancers !== undefined && job.enhancers !== undefined && String(enhancers) !== String(job.enhancers)) {
        throw configError(`two modules set different enhancers for job "${definition.type}"; set them in one module`);
      }
      job.enhancers ??= enhancers;
      byType.set(definition.type, job);
    }
  }
}
