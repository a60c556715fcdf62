import { warn } from "@waybill/core/door";

/** Said once at the start, since nothing else will show it. */
export function warnOfUnsigned(carrier: string): void {
  warn(
    `${carrier} takes unsigned jobs: whoever can connect can run any of them. Give \`keys\` where others share the ` +
      "network; `waybill keys` makes one",
  );
}
