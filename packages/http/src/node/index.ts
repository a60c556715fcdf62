export type { NodeListener } from "./listener.ts";
export { nodeListener } from "./listener.ts";
export type { NodeEndpoint } from "./node-endpoint.ts";
export { keepRawBody } from "./request-body.ts";
