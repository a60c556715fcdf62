import type { Cluster, Redis } from "ioredis";

/** One connection to Redis, or to the nodes of a cluster. */
export type Client = Redis | Cluster;

/** The longest that a blocking command waits: a connection that is silent for longer is dead. */
export const LONGEST_BLOCK_MS = 1_000;
