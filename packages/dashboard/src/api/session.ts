import type { Jobs } from "@waybill/core";
import type { KnownUser } from "../options.ts";
import { featuresOf } from "../features.ts";

/** What the page needs to know before it shows anything. */
export interface Session {
  readonly user: string;
  readonly readOnly: boolean;
  /** Sent back with each change. */
  readonly token: string;
  /** True: members of payloads are left out, and payloads are not searched. */
  readonly redacts: boolean;
  readonly connections: readonly SessionConnection[];
}

export interface SessionConnection {
  readonly name: string;
  readonly backend: string;
  /** Without secrets. */
  readonly address: string;
  readonly has: { readonly counts: boolean; readonly flows: boolean };
}

export function sessionOf(
  connections: ReadonlyMap<string, Jobs>,
  { user, readOnly }: KnownUser,
  token: string,
  redacts: boolean,
): Session {
  const shown = [...connections].map(([name, jobs]) => {
    const has = { counts: jobs.inspector !== null, flows: featuresOf(jobs).flows !== null };
    return { name, backend: jobs.backend.name, address: jobs.backend.address, has };
  });
  return { user, readOnly, token, redacts, connections: shown };
}
