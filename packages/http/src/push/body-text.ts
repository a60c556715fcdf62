import type { Buffer } from "node:buffer";
import { decodeBody } from "@waybill/core/backend";
import { PushRefused } from "./push-refused.ts";

/** Returns the body as text, unchanged. Throws 400 `ENCODING_INVALID` for bytes that are not UTF-8. */
export function textOf(body: Buffer): string {
  try {
    return decodeBody(body);
  } catch {
    throw new PushRefused(400, "ENCODING_INVALID", "the body is not UTF-8");
  }
}
