import { randomFillSync } from "node:crypto";
import { wallMs } from "../time/clock.ts";

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
/** Eight bytes for the id, two for the first count of a millisecond. */
const RANDOM_BYTES = 10;
const pool = new Uint8Array(4_096);
let used = pool.length;

let lastMs = -1;
let counter = 0;
let prefix = "";

/**
 * Returns a new job id: a UUIDv7 in lower case. Later ids of one process sort after earlier ones, also within one
 * millisecond and after the clock was set back: the time part then stays unchanged until the clock has passed it.
 */
export function newId(nowMs: number = wallMs()): string {
  if (used + RANDOM_BYTES > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  if (nowMs >= lastMs + 1) startAt(Math.floor(nowMs));
  else if (++counter > 0xfff) startAt(lastMs + 1);
  const at = used;
  used += RANDOM_BYTES;
  return (
    `${prefix}${hex(counter >> 8).slice(1)}${hex(counter & 0xff)}-` +
    `${hex(0x80 | (pool[at]! & 0x3f))}${hex(pool[at + 1]!)}-` +
    `${hex(pool[at + 2]!)}${hex(pool[at + 3]!)}${hex(pool[at + 4]!)}${hex(pool[at + 5]!)}${hex(pool[at + 6]!)}${hex(pool[at + 7]!)}`
  );
}

/** Starts a millisecond at a random count in the lower half, so that at least 2,048 ids fit into it. */
function startAt(ms: number): void {
  lastMs = ms;
  counter = ((pool[used + 8]! << 8) | pool[used + 9]!) & 0x7ff;
  const time = lastMs.toString(16).padStart(12, "0");
  prefix = `${time.slice(0, 8)}-${time.slice(8)}-7`;
}

function hex(byte: number): string {
  return HEX[byte]!;
}
