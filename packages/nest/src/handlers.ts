import type { DiscoveryService, ExternalContextCreator, ModulesContainer } from "@nestjs/core";
import { handlerFor, type JobDefinition } from "@waybill/core";
import { callHandler } from "./call-handler.ts";
import { scopedEnhancers } from "./enhanced-call.ts";
import { enhancersOf } from "./enhancers.ts";
import { findHandlers } from "./find-handlers.ts";
import { refuse } from "./refuse.ts";
import type { RegisteredJob } from "./registered.ts";

/** What of Nest it takes to find handlers and to call them. */
export interface Container {
  readonly discovery: DiscoveryService;
  readonly creator: ExternalContextCreator;
  readonly modules: ModulesContainer;
}

/**
 * The definitions with their handlers, as core takes them: those found in the application, and those that brought their
 * own. Throws `CONFIG_INVALID` for a handler whose job no module knows, and for two of one job.
 */
export function jobsWithHandlers(
  registered: ReadonlyMap<string, RegisteredJob>,
  { discovery, creator, modules }: Container,
): JobDefinition[] {
  const scoped = scopedEnhancers(modules);
  const byType = new Map<string, { readonly job: JobDefinition; readonly name: string }>();
  for (const { definition } of registered.values()) {
    if (definition.handler !== null) byType.set(definition.type, { job: definition, name: "its definition" });
  }
  for (const found of findHandlers(discovery)) {
    const { definition, name, prototype, method } = found;
    const { type } = definition;
    const known = registered.get(type);
    if (known === undefined) {
      throw refuse(
        `${name} handles job "${type}", which no module registers; add it to WaybillModule.forFeature([...])`,
      );
    }
    if (known.definition !== definition) {
      throw refuse(`${name} handles a definition of job "${type}" that is not the registered one; keep one definition`);
    }
    const other = byType.get(type);
    if (other !== undefined) throw refuse(`job "${type}" has two handlers, ${other.name} and ${name}; keep one`);
    const decorated = { name, type: prototype.constructor, run: prototype[method] ?? prototype };
    const kinds = enhancersOf(decorated, known.enhancers);
    byType.set(type, { job: handlerFor(definition, callHandler(found, { kinds, creator, scoped })), name });
  }
  return [...byType.values()].map(({ job }) => job);
}
