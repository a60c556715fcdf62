import type { Buffer } from "node:buffer";
import { PushRefused } from "./problem.ts";
import { header, type HeaderFields, type Push } from "./push.ts";
import { Reading } from "./reading.ts";

/** Bodies being read and proved at once, so that slow senders cannot fill the memory: at most this many, and of large ones fewer. */
const MOST_READING = 256;
const MOST_LARGE = 32;
const LARGE_BYTES = 65_536;

/** Worth not reading if it is turned away anyway: over 64 KiB, or in chunks, which do not say. */
export function isLarge(headers: HeaderFields): boolean {
  const declared = declaredIn(headers);
  return declared === null ? header(headers, "transfer-encoding") !== null : declared > LARGE_BYTES;
}

/** Of any number of digits: one that is not understood would be taken for small. */
function declaredIn(headers: HeaderFields): number | null {
  const text = header(headers, "content-length");
  return text !== null && /^\d+$/.test(text) ? Number(text) : null;
}

/** Reads the bodies of one endpoint, within its limits. */
export class BodyReader {
  readonly #maxBytes: number;
  readonly #timeoutMs: number;
  readonly #small = new Set<Reading>();
  readonly #large = new Set<Reading>();

  constructor(maxBytes: number, timeoutMs: number) {
    this.#maxBytes = maxBytes;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Hands the reading to `use`, which reads the body by it and proves who sent it; the reading counts until that has
   * settled. Rejects `PushRefused`: 413 before anything is read where the sender says how much comes, 408 when it was
   * too slow or had to go for another, 429 over the limits.
   */
  async read<T>(push: Push, use: (body: () => Promise<Buffer>) => Promise<T>): Promise<T> {
    const declared = declaredIn(push.headers);
    if (declared !== null && declared > this.#maxBytes) throw tooLarge(this.#maxBytes);
    const large = isLarge(push.headers);
    this.#makeRoom(large, push.peer);
    const readings = large ? this.#large : this.#small;
    const reading = new Reading(push.peer);
    readings.add(reading);
    try {
      return await reading.orDropped(use(() => push.read(this.#maxBytes, this.#timeoutMs, reading)));
    } finally {
      readings.delete(reading);
    }
  }

  /**
   * When all places are taken, the reading goes that is furthest behind, and the more its peer has of them the sooner: one
   * peer alone cannot close the endpoint to the others. Behind a proxy, which is one peer to us, its slowest goes. Throws
   * `PushRefused` when none is behind: all of them come as fast as they should.
   */
  #makeRoom(large: boolean, newcomer: string | null): void {
    const isLargeFull = large && this.#large.size >= MOST_LARGE;
    if (!isLargeFull && this.#small.size + this.#large.size < MOST_READING) return;
    const readings = isLargeFull ? [...this.#large] : [...this.#small, ...this.#large];
    const slowest = slowestOf(readings, newcomer);
    const count = `${readings.length}${isLargeFull ? " large" : ""} bodies are being read`;
    if (slowest === null) throw new PushRefused(429, "FULL", `${count}, and none of them is slow`);
    this.#small.delete(slowest);
    this.#large.delete(slowest);
    slowest.drop(new PushRefused(408, "BODY_TIMEOUT", `${count}, this one was the slowest, and another came`));
  }
}

function slowestOf(readings: readonly Reading[], newcomer: string | null): Reading | null {
  const held = new Map<string | null, number>([[newcomer, 1]]);
  for (const { peer } of readings) held.set(peer, (held.get(peer) ?? 0) + 1);
  const now = performance.now();
  let slowest: Reading | null = null;
  let most = 0;
  for (const reading of readings) {
    const weight = reading.behindMs(now) * (held.get(reading.peer) ?? 1);
    if (weight > most) [slowest, most] = [reading, weight];
  }
  return slowest;
}

export function tooLarge(maxBytes: number): PushRefused {
  return new PushRefused(413, "BODY_TOO_LARGE", `the body has more than ${maxBytes} bytes`);
}

export function tooSlow(timeoutMs: number): PushRefused {
  return new PushRefused(408, "BODY_TIMEOUT", `the body was not whole after ${timeoutMs} ms`);
}

export function brokenOff(how: string): PushRefused {
  return new PushRefused(400, "BODY_INCOMPLETE", `the body broke off: ${how}`);
}
