import { type ContextId, ContextIdFactory, type ModuleRef } from "@nestjs/core";
import { REQUEST_CONTEXT_ID } from "@nestjs/core/router/request/request-constants.js";
import type { JobContext } from "@waybill/core";

/**
 * Opens the DI context of one job, by the application's own `ContextIdStrategy`, so that durable providers find their
 * subtree. `REQUEST` is the job; in a durable subtree it is the strategy's payload, as for an HTTP request.
 */
export function openScope(job: JobContext, moduleRef: ModuleRef, isDurable: boolean): ContextId {
  const contextId = ContextIdFactory.getByRequest(job);
  // Nest marks requests the same way, so `ContextIdFactory.getByRequest(job)` in the application returns this context.
  Object.defineProperty(job, REQUEST_CONTEXT_ID, { value: contextId });
  // Without a strategy of the application, contexts share nothing.
  moduleRef.registerRequestByContextId(isDurable && contextId.getParent ? contextId.payload : job, contextId);
  return contextId;
}
