import { defineJob } from "@waybill/core";

export interface Order {
  readonly id: string;
  readonly slow?: boolean;
}

export const sendReceipt = defineJob({ type: "receipt.send", timeout: "10s" });
