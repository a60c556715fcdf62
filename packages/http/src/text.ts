import type { Buffer } from "node:buffer";
import { decodeBody } from "@waybill/core/backend";
import { PushRefused } from "./problem.ts";

/** A body's text, unchanged. What is not UTF-8 has no text: a replacement character would change it. */
export function textOf(body: Buffer): string {
  try {
    return decodeBody(body);
  } catch {
    throw new PushRefused(400, "ENCODING_INVALID", "the body is not UTF-8");
  }
}
