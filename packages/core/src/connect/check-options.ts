// Loaded when a connection is opened, so that a bundler puts them into a separate chunk.
export { checkEnqueueOptions } from "../producer/check-enqueue-options.ts";
export { EventBus } from "../observability/events.ts";
export { checkConnectOptions } from "./check-connect-options.ts";
export { checkedTarget } from "./check-target.ts";
