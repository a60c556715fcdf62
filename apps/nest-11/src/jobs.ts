import { defineJob } from "@waybill/core";

export interface Order {
  readonly id: string;
  readonly slow?: boolean;
  /** Held for good, by a handler that leaks. */
  readonly leakBytes?: number;
}

export const sendReceipt = defineJob({ type: "receipt.send", timeout: "10s" });
