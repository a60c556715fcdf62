import { assertKnownOptions, type OptionNames } from "@waybill/core/backend";
import type { Jobs } from "@waybill/core";
import { carriersOf } from "./carriers-of.ts";
import { connectionOf } from "./connection-of.ts";
import { createDoor, type Door, type DoorOptions } from "./door.ts";
import { asFetch, type FetchFrom } from "./fetch.ts";
import type { Senders } from "./receiver-options.ts";
import { createStore } from "./store.ts";

/** Where pushed jobs are stored, and who may push them. */
export interface RelayOptions extends DoorOptions, Senders {
  /** Where the jobs go; its events hear what is stored and what is refused. */
  readonly to: Jobs;
  /** Default "/work". */
  readonly path?: string;
}

/** A door that stores what is pushed and answers once it is durable; nothing runs here. */
export interface Relay extends Door {
  (request: Request, from?: FetchFrom): Promise<Response>;
  readonly path: string;
}

const RELAY_OPTIONS: OptionNames<RelayOptions> = {
  path: true,
  maxBodyBytes: true,
  bodyTimeout: true,
  allowPeers: true,
  allowHosts: true,
  tolerance: true,
  keys: true,
  carriers: true,
  to: true,
};

/**
 * Stores pushed jobs instead of running them. For carriers that do not
 * wait for a job to end, or whose jobs are to have a queue's retries. Throws `CONFIG_INVALID`.
 */
export function createRelay(given: RelayOptions): Relay {
  assertKnownOptions(given, RELAY_OPTIONS, "the options of createRelay");
  const { to, path = "/work", ...options } = given;
  const { events } = connectionOf(to, "relay");
  const door = createDoor({ ...options, path, carriers: carriersOf(options), events }, createStore(to));
  return Object.assign(asFetch(door), { path });
}
