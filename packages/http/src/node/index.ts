export type { NodeDoor, NodeListener } from "./listener.ts";
export { nodeListener } from "./listener.ts";
export { keepRawBody } from "./raw-body.ts";
