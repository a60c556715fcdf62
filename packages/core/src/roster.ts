import type { Backend } from "./backend.ts";

/** One worker as a store keeps it: an id it may read, facts it may not. */
export interface Announced {
  readonly id: string;
  /** The worker's text, carried unchanged. */
  readonly facts: string;
  /** How long ago it was announced last, by the store's clock. */
  readonly heardMs: number;
}

/** Who is running. Not part of the contract; a package has it or not. */
export interface Roster {
  /** Lists the worker from now on: for `ttlMs` by the store's clock, unless it is announced again or withdrawn. */
  announce(id: string, facts: string, ttlMs: number): Promise<void>;
  /** Nothing happens if the id is not there. */
  withdraw(id: string): Promise<void>;
  /** By id. */
  list(): Promise<Announced[]>;
}

/** A backend that keeps the list of its workers. */
export interface RosterBackend extends Backend {
  readonly roster: Roster;
}

/** Null where the backend keeps no list of its workers. */
export function rosterOf(backend: Backend): Roster | null {
  return "roster" in backend ? (backend as RosterBackend).roster : null;
}
