export type { Enhancer, Enhancers } from "./enhancers.ts";
export type { JobHandlerDecorator } from "./job-handler.ts";
export { JobHandler } from "./job-handler.ts";
export type { QueueOf } from "./job-queue.ts";
export { InjectJob, JobQueue } from "./job-queue.ts";
export type { PushSettings, WaybillOptions, WorkerSettings } from "./options.ts";
export type { FeatureOptions, WaybillAsyncOptions } from "./waybill-module.ts";
export { WaybillModule } from "./waybill-module.ts";
