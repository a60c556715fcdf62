import type { Backend } from "./backend.ts";

/** One thing a backend looked at. */
export interface Finding {
  /** Stable, lower case, words joined by dots: "redis.eviction". */
  readonly check: string;
  /**
   * "ok": in order. "note": worth knowing, nothing to do. "warning": works today and can hurt. "failure": jobs can be
   * lost, are lost, or cannot run.
   */
  readonly severity: "ok" | "note" | "warning" | "failure";
  /** One sentence that names the setting and its value: "maxmemory-policy is allkeys-lru: Redis may evict jobs". */
  readonly message: string;
  /** What to do about it; null where nothing is to be done. */
  readonly wayOut: string | null;
}

/** One effective setting of a backend. Never a secret. */
export interface BackendSetting {
  /** As in the backend's options, its unit in the name: "leaseMs". */
  readonly name: string;
  /** As it is in force; null: there is none. */
  readonly value: string | number | boolean | null;
  /** False: nobody said anything, this is the default. True: the URL or the options said so. */
  readonly given: boolean;
}

/** What answers at the other end. */
export interface ServerVersion {
  /** Lower case: "redis", "valkey", "rabbitmq", "postgres", "sqlite". */
  readonly product: string;
  /** As the server says it: "7.0.15". */
  readonly version: string;
}

/** A look at a backend's health and settings. Not part of the contract; a package has it or not. */
export interface Doctor {
  /** Null where there is no version to tell (a managed service). */
  readonly server: ServerVersion | null;
  readonly settings: readonly BackendSetting[];
  /**
   * What is well and what is not. Everything this backend can find out about itself, "ok" findings too. Asks the
   * server; changes nothing.
   */
  checks(): Promise<Finding[]>;
}

/** A backend that can be asked for its health. */
export interface ExaminableBackend extends Backend {
  readonly doctor: Doctor;
}

/** Null where the backend says nothing about its own health. */
export function doctorOf(backend: Backend): Doctor | null {
  return "doctor" in backend ? (backend as ExaminableBackend).doctor : null;
}
