import type { DiscoveryService, ExternalContextCreator, ModulesContainer } from "@nestjs/core";
import { handlerFor, type JobDefinition, type Schedule } from "@waybill/core";
import { callHandler } from "./call-handler.ts";
import { scopedEnhancers } from "./enhanced-call.ts";
import { enhancersOf } from "./enhancers.ts";
import { findHandlers } from "./find-handlers.ts";
import { findSchedules } from "./scheduled.ts";
import { configError } from "../config-error.ts";
import type { RegisteredJobs } from "./registered-jobs.ts";

/** The definitions of the application with their handlers. */
export class Handlers {
  readonly #registered: RegisteredJobs;
  readonly #discovery: DiscoveryService;
  readonly #creator: ExternalContextCreator;
  readonly #modules: ModulesContainer;
  #found: readonly JobDefinition[] | null = null;
  #schedules: readonly Schedule[] = [];

  constructor(
    registered: RegisteredJobs,
    discovery: DiscoveryService,
    creator: ExternalContextCreator,
    modules: ModulesContainer,
  ) {
    this.#registered = registered;
    this.#discovery = discovery;
    this.#creator = creator;
    this.#modules = modules;
  }

  /** The definitions that `find` returned. Throws `CONFIG_INVALID` before that: Nest has not made all providers yet. */
  get jobs(): readonly JobDefinition[] {
    if (this.#found) return this.#found;
    throw configError("handlers are found when the application starts; call app.init() or app.listen() first");
  }

  /** The schedules of `@Scheduled` methods, once `find` was called. */
  get schedules(): readonly Schedule[] {
    return this.#schedules;
  }

  /**
   * Finds the decorated handlers and those that definitions have themselves. Throws `CONFIG_INVALID` for a handler whose job
   * no module registers, for two handlers of one job, and for a `@Scheduled` method without a job.
   */
  find(): readonly JobDefinition[] {
    const scoped = scopedEnhancers(this.#modules);
    const byType = new Map<string, { readonly job: JobDefinition; readonly name: string }>();
    for (const { definition } of this.#registered.values()) {
      if (definition.handler !== null) byType.set(definition.type, { job: definition, name: "its definition" });
    }
    for (const found of findHandlers(this.#discovery)) {
      const { definition, name, prototype, method } = found;
      const { type } = definition;
      const known = this.#registered.get(type);
      if (known === undefined) {
        throw configError(
          `${name} handles job "${type}", which no module registers; add it to WaybillModule.forFeature([...])`,
        );
      }
      if (known.definition !== definition) {
        throw configError(
          `${name} handles a definition of job "${type}" that is not the registered one; keep one definition`,
        );
      }
      const other = byType.get(type);
      if (other !== undefined) throw configError(`job "${type}" has two handlers, ${other.name} and ${name}; keep one`);
      const decorated = { name, type: prototype.constructor, run: prototype[method] ?? prototype };
      const around = { kinds: enhancersOf(decorated, known.enhancers), creator: this.#creator, scoped };
      byType.set(type, { job: handlerFor(definition, callHandler(found, around)), name });
    }
    this.#schedules = findSchedules(this.#discovery);
    this.#found = [...byType.values()].map(({ job }) => job);
    return this.#found;
  }
}
