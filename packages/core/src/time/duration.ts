import { WaybillError } from "../errors.ts";
import { kindOf } from "../values/any-value.ts";

/** Milliseconds as a number, or a number with its unit: "500ms", "30s", "10m", "2h", "7d". */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Returns the duration in milliseconds, at least 0. `name` is the option, for the error. Throws `CONFIG_INVALID` for any
 * other value.
 */
export function durationMs(value: Duration, name: string): number {
  const ms = typeof value === "string" ? parse(value) : value;
  if (Number.isFinite(ms) && ms >= 0) return ms;
  const shown =
    typeof value === "number" ? `${value}` : typeof value === "string" ? JSON.stringify(value) : kindOf(value);
  throw new WaybillError(
    "CONFIG_INVALID",
    `${name} is ${shown}; write milliseconds, 0 or more, or a string such as "500ms", "30s", "10m", "2h", "7d"`,
  );
}

/**
 * Returns the duration in milliseconds, for an option that becomes a timer: Node turns a timer over 24.8 days into one of
 * 1 ms. Throws `CONFIG_INVALID` for a longer one.
 */
export function timerMs(value: Duration, name: string): number {
  const ms = durationMs(value, name);
  if (ms <= 2_147_483_647) return ms;
  throw new WaybillError("CONFIG_INVALID", `${name} is ${ms} ms; at most "24d"`);
}

function parse(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  return match ? Number(match[1]) * (UNIT_MS[match[2] ?? ""] ?? Number.NaN) : Number.NaN;
}
