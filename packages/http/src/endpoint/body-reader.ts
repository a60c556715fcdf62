import type { Buffer } from "node:buffer";
import { BodyTransfer } from "../push/body-transfer.ts";
import { PushRefused } from "../push/push-refused.ts";
import { header, type HeaderFields, type PushRequest } from "../push/push-request.ts";

/** Bodies received and verified at once, so that slow senders cannot fill the memory. */
const MAX_TRANSFERS = 256;
const MAX_LARGE_TRANSFERS = 32;
const LARGE_BYTES = 65_536;

/** Returns true for a body over 64 KiB, or one sent in chunks, whose length is not known. */
export function isLarge(headers: HeaderFields): boolean {
  const length = contentLength(headers);
  return length === null ? header(headers, "transfer-encoding") !== null : length > LARGE_BYTES;
}

/** Accepts any number of digits: a length that is not understood would count as small. */
function contentLength(headers: HeaderFields): number | null {
  const text = header(headers, "content-length");
  return text !== null && /^\d+$/.test(text) ? Number(text) : null;
}

/** Reads the bodies of one endpoint, within its limits of size, time and number. */
export class BodyReader {
  readonly #maxBytes: number;
  readonly #timeoutMs: number;
  readonly #small = new Set<BodyTransfer>();
  readonly #large = new Set<BodyTransfer>();

  constructor(maxBytes: number, timeoutMs: number) {
    this.#maxBytes = maxBytes;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Calls `use` with a function that reads the body; `use` also verifies the sender. The transfer counts against the limits
   * until `use` has settled. Rejects `PushRefused`: 413 without reading if Content-Length is above the limit, 408 if the
   * body was too slow or was dropped for another one, 429 if the limits are reached and no transfer is slow.
   */
  async read<T>(request: PushRequest, use: (body: () => Promise<Buffer>) => Promise<T>): Promise<T> {
    const length = contentLength(request.headers);
    if (length !== null && length > this.#maxBytes) throw tooLarge(this.#maxBytes);
    const large = isLarge(request.headers);
    this.#dropSlowest(large, request.peer);
    const transfers = large ? this.#large : this.#small;
    const transfer = new BodyTransfer(request.peer);
    transfers.add(transfer);
    try {
      return await transfer.orDropped(use(() => request.read(this.#maxBytes, this.#timeoutMs, transfer)));
    } finally {
      transfers.delete(transfer);
    }
  }

  /**
   * At a limit, drops the transfer that is furthest behind, weighted by how many transfers its address has, so that one
   * address alone cannot close the endpoint to others. All requests behind a proxy have one address; the slowest of them
   * is dropped. Throws 429 `PushRefused` if none is behind.
   */
  #dropSlowest(large: boolean, newPeer: string | null): void {
    const isLargeFull = large && this.#large.size >= MAX_LARGE_TRANSFERS;
    if (!isLargeFull && this.#small.size + this.#large.size < MAX_TRANSFERS) return;
    const transfers = isLargeFull ? [...this.#large] : [...this.#small, ...this.#large];
    const slowest = slowestOf(transfers, newPeer);
    const count = `${transfers.length}${isLargeFull ? " large" : ""} bodies are being read`;
    if (slowest === null) throw new PushRefused(429, "FULL", `${count}, and none of them is slow`);
    this.#small.delete(slowest);
    this.#large.delete(slowest);
    slowest.drop(new PushRefused(408, "BODY_TIMEOUT", `${count}, this one was the slowest, and another came`));
  }
}

function slowestOf(transfers: readonly BodyTransfer[], newPeer: string | null): BodyTransfer | null {
  const countByPeer = new Map<string | null, number>([[newPeer, 1]]);
  for (const { peer } of transfers) countByPeer.set(peer, (countByPeer.get(peer) ?? 0) + 1);
  const now = performance.now();
  let slowest: BodyTransfer | null = null;
  let highest = 0;
  for (const transfer of transfers) {
    const weight = transfer.behindMs(now) * (countByPeer.get(transfer.peer) ?? 1);
    if (weight > highest) [slowest, highest] = [transfer, weight];
  }
  return slowest;
}

export function tooLarge(maxBytes: number): PushRefused {
  return new PushRefused(413, "BODY_TOO_LARGE", `the body has more than ${maxBytes} bytes`);
}

export function tooSlow(timeoutMs: number): PushRefused {
  return new PushRefused(408, "BODY_TIMEOUT", `the body was not complete after ${timeoutMs} ms`);
}

export function incomplete(why: string): PushRefused {
  return new PushRefused(400, "BODY_INCOMPLETE", `the body is incomplete: ${why}`);
}
