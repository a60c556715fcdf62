/** Learns from the platform that the machine is about to end, and stops a worker in time. */
export type { Ec2AutoScalingOptions } from "./ec2-auto-scaling.ts";
export { ec2AutoScaling } from "./ec2-auto-scaling.ts";
export type { Ec2SpotOptions } from "./ec2-spot.ts";
export { ec2Spot } from "./ec2-spot.ts";
export type { EcsOptions } from "./ecs.ts";
export { ecs } from "./ecs.ts";
export type { SourceHost, StopResult, TerminationNotice, TerminationSource } from "./source.ts";
export type { TerminationOptions, TerminationWatch } from "./watch-termination.ts";
export { watchTermination } from "./watch-termination.ts";
