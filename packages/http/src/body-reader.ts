import type { Buffer } from "node:buffer";
import { PushRefused } from "./problem.ts";
import { header, type HeaderFields, type Push } from "./push.ts";

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

/** Reads the bodies of one door, within its limits. */
export class BodyReader {
  readonly #maxBytes: number;
  readonly #timeoutMs: number;
  #held = 0;
  #large = 0;

  constructor(maxBytes: number, timeoutMs: number) {
    this.#maxBytes = maxBytes;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Hands the body to `use`, which counts until it has settled. Rejects `PushRefused`: 413 before anything is read where
   * the sender says how much comes, 429 over the limits, and what `push.read` rejects.
   */
  async read<T>(push: Push, use: (body: Buffer) => Promise<T>): Promise<T> {
    const declared = declaredIn(push.headers);
    if (declared !== null && declared > this.#maxBytes) throw tooLarge(this.#maxBytes);
    const large = Number(isLarge(push.headers));
    if (this.#held >= MOST_READING || this.#large + large > MOST_LARGE) {
      throw new PushRefused(429, "FULL", `${this.#held} bodies are being read, ${this.#large} of them large`);
    }
    this.#held += 1;
    this.#large += large;
    try {
      return await use(await push.read(this.#maxBytes, this.#timeoutMs));
    } finally {
      this.#held -= 1;
      this.#large -= large;
    }
  }
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
