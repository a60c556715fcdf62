import { warn } from "@waybill/core/endpoint";

/** Warns at start that a carrier accepts unsigned jobs. */
export function warnOfUnsigned(carrier: string): void {
  warn(
    `${carrier} accepts unsigned jobs: any program that can connect can run any of them. Give \`keys\` if other ` +
      "programs share the network; `waybill keys` makes one",
  );
}

/** What to do when `keys` is missing; ends an error message. */
export const KEYS_NEEDED = 'Give "whsec_" secrets, or "unsigned"; `waybill keys` makes one';
