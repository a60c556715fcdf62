/** What a carrier of your own needs: its contract, a request in plain values, and the ways to refuse one. */
export type { Endpoint } from "../endpoint/endpoint.ts";
export type { Carrier } from "../push/carrier.ts";
export type { InboundDelivery } from "../push/inbound-delivery.ts";
export type { ProblemCode } from "../push/push-refused.ts";
export { forbidden, PushRefused } from "../push/push-refused.ts";
export type { HeaderFields, PushRequest } from "../push/push-request.ts";
export { header, wholeHeader } from "../push/push-request.ts";
export type { PushResponse } from "../push/push-response.ts";
export type { ReplayKey, ReplayProtection } from "../push/replay-protection.ts";
