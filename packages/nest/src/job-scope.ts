import { type ContextId, ContextIdFactory, type ModuleRef } from "@nestjs/core";
import { REQUEST_CONTEXT_ID } from "@nestjs/core/router/request/request-constants.js";
import type { JobContext } from "@waybill/core";

/**
 * The DI context of one job, made by the application's own strategy, so that durable providers find their subtree. In it
 * `REQUEST` is the job; in a durable subtree it is what the strategy gives as payload, as for a request.
 */
export function openScope(job: JobContext, moduleRef: ModuleRef, isDurable: boolean): ContextId {
  const contextId = ContextIdFactory.getByRequest(job);
  // As Nest marks requests, so that `ContextIdFactory.getByRequest(job)` in the application's code is this very context.
  Object.defineProperty(job, REQUEST_CONTEXT_ID, { value: contextId });
  // With no strategy of the application's, nothing is shared.
  moduleRef.registerRequestByContextId(isDurable && contextId.getParent ? contextId.payload : job, contextId);
  return contextId;
}
