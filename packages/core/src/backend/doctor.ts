import type { Backend } from "./contract.ts";
import { keptAlive } from "./keep-alive.ts";

/** The result of one check. */
export interface Finding {
  /** Stable, lower case, words joined by dots: "redis.eviction". */
  readonly check: string;
  /**
   * "ok": correct. "note": for information, nothing to do. "warning": works today and can cause harm. "failure": jobs can be
   * lost, are lost, or cannot run.
   */
  readonly severity: "ok" | "note" | "warning" | "failure";
  /** One sentence that names the setting and its value: "maxmemory-policy is allkeys-lru: Redis may evict jobs". */
  readonly message: string;
  /** What to do; null when there is nothing to do. */
  readonly remedy: string | null;
}

/** One setting of a backend as it is in effect. Never a secret. */
export interface BackendSetting {
  /** The name of the option, with its unit: "leaseMs". */
  readonly name: string;
  /** Its value; null for none. */
  readonly value: string | number | boolean | null;
  /** Whether the URL or the options set it. False: this is the default. */
  readonly given: boolean;
}

/** The product and version of a server. */
export interface ServerVersion {
  /** In lower case: "redis", "valkey", "rabbitmq", "postgres", "sqlite". */
  readonly product: string;
  /** As the server reports it: "7.0.15". */
  readonly version: string;
}

/** Checks the health and the settings of a backend. Optional: a backend package has one or not. */
export interface Doctor {
  /** Null where the server reports no version, as a managed service does. */
  readonly server: ServerVersion | null;
  readonly settings: readonly BackendSetting[];
  /**
   * Runs every check that this backend has and returns all findings, those that are "ok" included. Reads from the server
   * and changes nothing.
   */
  checks(): Promise<Finding[]>;
  /** Returns the memory of the server. Absent where the backend has no limit of memory that jobs fill. */
  memory?(): Promise<ServerMemory>;
}

/** The memory of a server that keeps jobs in memory. */
export interface ServerMemory {
  readonly usedBytes: number;
  /** Above this the server refuses jobs with `BACKEND_FULL`; null for no limit. */
  readonly limitBytes: number | null;
}

/** A backend that has a doctor. */
export interface ExaminableBackend extends Backend {
  readonly doctor: Doctor;
}

/** Returns the doctor of a backend; null where it has none. */
export function doctorOf(backend: Backend): Doctor | null {
  if (!("doctor" in backend)) return null;
  const { doctor } = backend as ExaminableBackend;
  const { server, settings, memory } = doctor;
  return {
    server,
    settings,
    checks: () => keptAlive(doctor.checks()),
    ...(memory && { memory: () => keptAlive(memory()) }),
  };
}
