import type { Producer, Receipt } from "@waybill/core";
import { ConcurrencyLimiter } from "../endpoint/concurrency-limiter.ts";
import type { DeliveryProcessor } from "../endpoint/endpoint.ts";
import { envelopeId, unwrapped } from "../push/envelope-in-body.ts";
import { assertSignedId, type InboundDelivery } from "../push/inbound-delivery.ts";
import { emitRefused, problem } from "../push/problem.ts";
import { PushRefused } from "../push/push-refused.ts";
import type { PushRequest } from "../push/push-request.ts";
import type { PushResponse } from "../push/push-response.ts";
import { storeBody, storedMembers, type StoreRefused, unavailable } from "./store-result.ts";
import { StoredRequests } from "./stored-requests.ts";

/** Requests that may wait for the backend at once, so that a slow backend cannot fill the memory. More get 429. */
const MAX_STORING = 200;

/** Returns a processor that stores one job per request. */
export function createStoringProcessor(to: Producer): DeliveryProcessor {
  const requests = new StoredRequests();
  return limited(async (delivery, request) => {
    const { body, signature, signedId, replayProtection } = delivery;
    const id = envelopeId(unwrapped(delivery).body);
    if (signedId !== null && id !== null) assertSignedId(signedId, id);
    const result = await requests.storeOnce(replayProtection, body, () => storeBody(to, body, signature));
    if (result.ok) return storedResponse(result);
    if (result.transient) throw unavailable(result);
    emitRefused(to.events, request, result);
    return refusedResponse(result, id);
  });
}

/** Limits how many requests `store` processes at once. */
export function limited(
  store: (delivery: InboundDelivery, request: PushRequest) => Promise<PushResponse>,
): DeliveryProcessor {
  const limiter = new ConcurrencyLimiter(MAX_STORING);
  const full = (): PushRefused => new PushRefused(429, "FULL", `${MAX_STORING} requests wait for the backend`);
  return {
    detectsReplays: true,
    refuseEarly: () => (limiter.isFull(0) ? full() : null),
    async process(delivery, _, request) {
      if (limiter.acquire(0, request.onDisconnect) !== true) throw full();
      return store(delivery, request).finally(() => limiter.release());
    },
  };
}

function storedResponse(receipt: Receipt): PushResponse {
  const headers = { "x-waybill-job": receipt.id, "waybill-outcome": "completed", "content-type": "application/json" };
  return { status: 200, headers, body: JSON.stringify(storedMembers(receipt)) };
}

function refusedResponse({ status, code, message }: StoreRefused, id: string | null): PushResponse {
  const headers = { "waybill-outcome": "dead", "waybill-reason": code, ...(id !== null && { "x-waybill-job": id }) };
  return problem(status, code, "The job was not stored", { detail: message }, headers);
}
