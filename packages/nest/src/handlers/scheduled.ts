import { type DiscoveryService, MetadataScanner } from "@nestjs/core";
import { defineSchedule, type Schedule, type ScheduleOptions } from "@waybill/core";
import { configError } from "../config-error.ts";
import { classMethods } from "./find-handlers.ts";
import { handledBy } from "./job-handler.ts";

/** The options of `defineSchedule` without the job, which is that of the method. `payload` is checked when the worker starts. */
export type ScheduledOptions = Omit<ScheduleOptions, "job" | "payload"> & {
  /** The payload of each run. Omitted: undefined, where the job's schema allows it. */
  readonly payload?: unknown;
};

const SCHEDULED = "waybill:scheduled";

/**
 * Runs the job of a `@JobHandler` method by a schedule: `@Scheduled({ name: "nightly", cron: "0 3 * * *", payload: {} })`. The
 * processes that have a `worker` declare it. May be repeated, under other names. Throws `CONFIG_INVALID` for an option that cannot work,
 * and on a static method.
 */
export function Scheduled(options: ScheduledOptions): MethodDecorator {
  return (target, method) => {
    if (typeof target === "function") {
      throw configError(
        `@Scheduled is on the static method ${target.name}.${String(method)}; put it on one of the instances`,
      );
    }
    // Now, so that the error names the line of the decorator.
    defineSchedule({ payload: null, ...options, job: "checked.later" } as ScheduleOptions);
    const before = (Reflect.getOwnMetadata(SCHEDULED, target, method) ?? []) as ScheduledOptions[];
    Reflect.defineMetadata(SCHEDULED, [...before, options], target, method);
  };
}

/** Returns the schedules of every `@Scheduled` method. Throws `CONFIG_INVALID` for a method that handles no job, or several. */
export function findSchedules(discovery: DiscoveryService): Schedule[] {
  return classMethods(discovery, new MetadataScanner()).flatMap(({ prototype, method }) => {
    const all = (Reflect.getMetadata(SCHEDULED, prototype, method) ?? []) as ScheduledOptions[];
    if (all.length === 0) return [];
    const [job, another] = handledBy(prototype, method);
    const name = `${prototype.constructor.name}.${method}`;
    if (job === undefined) throw configError(`@Scheduled is on ${name}, which handles no job; add @JobHandler to it`);
    if (another !== undefined)
      throw configError(`@Scheduled is on ${name}, which handles several jobs; give each a method of its own`);
    return all.map((options) => defineSchedule({ ...options, job } as ScheduleOptions));
  });
}
