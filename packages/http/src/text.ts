import type { Buffer } from "node:buffer";
import { decodeBody } from "@waybill/core";
import { PushRefused } from "./problem.ts";
import type { Push } from "./push.ts";

/** A body's text, unchanged. What is not UTF-8 has no text: a replacement character would change it. */
export function textOf(body: Buffer): string {
  try {
    return decodeBody(body);
  } catch {
    throw new PushRefused(400, "ENCODING_INVALID", "the body is not UTF-8");
  }
}

/** The same where no proof covers the bytes: then those that a parser before us wrote out again may be anybody's. */
export function sentText(push: Push, body: Buffer): string {
  if (push.rewritten !== true) return textOf(body);
  throw new PushRefused(500, "BODY_GONE", "a parser before the receiver read the body; mount the receiver first");
}
