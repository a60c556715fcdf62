import type { DiscoveryService, ExternalContextCreator, ModulesContainer } from "@nestjs/core";
import { handlerFor, type JobDefinition } from "@waybill/core";
import { callHandler } from "./call-handler.ts";
import { scopedEnhancers } from "./enhanced-call.ts";
import { enhancersOf } from "./enhancers.ts";
import { findHandlers } from "./find-handlers.ts";
import { refuse } from "./refuse.ts";
import type { Registered } from "./registered.ts";

/** The definitions of the application with their handlers, as core takes them. */
export class Handlers {
  readonly #registered: Registered;
  readonly #discovery: DiscoveryService;
  readonly #creator: ExternalContextCreator;
  readonly #modules: ModulesContainer;
  #found: readonly JobDefinition[] | null = null;

  constructor(
    registered: Registered,
    discovery: DiscoveryService,
    creator: ExternalContextCreator,
    modules: ModulesContainer,
  ) {
    this.#registered = registered;
    this.#discovery = discovery;
    this.#creator = creator;
    this.#modules = modules;
  }

  /** Once the application is made: before, Nest has not made all that is to be looked at. */
  get jobs(): readonly JobDefinition[] {
    if (this.#found) return this.#found;
    throw refuse("handlers are found when the application starts; call app.init() or app.listen() first");
  }

  /**
   * Those decorated in the application, and those that brought their own. Throws `CONFIG_INVALID` for a handler whose job
   * no module knows, and for two of one job.
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
        throw refuse(
          `${name} handles job "${type}", which no module registers; add it to WaybillModule.forFeature([...])`,
        );
      }
      if (known.definition !== definition) {
        throw refuse(
          `${name} handles a definition of job "${type}" that is not the registered one; keep one definition`,
        );
      }
      const other = byType.get(type);
      if (other !== undefined) throw refuse(`job "${type}" has two handlers, ${other.name} and ${name}; keep one`);
      const decorated = { name, type: prototype.constructor, run: prototype[method] ?? prototype };
      const around = { kinds: enhancersOf(decorated, known.enhancers), creator: this.#creator, scoped };
      byType.set(type, { job: handlerFor(definition, callHandler(found, around)), name });
    }
    this.#found = [...byType.values()].map(({ job }) => job);
    return this.#found;
  }
}
