import type { Lease } from "../../src/backend/contract.ts";

/** A lease with nothing special about it. */
export const lease: Lease = {
  id: "id",
  type: "slots.noop",
  queue: "default",
  priority: 0,
  tenant: null,
  signature: null,
  body: "",
  attempt: 1,
  lost: 0,
  releases: 0,
  dueAt: null,
  expiresAt: null,
  token: null,
};
