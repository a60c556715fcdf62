import { refuse } from "./envelope-code.ts";

const FORM = /^PT(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.(\d{1,3}))?S)?$/;

/** 366 days. */
const LONGEST_MS = 31_622_400_000;

/**
 * Returns the milliseconds of an ISO 8601 duration of hours, minutes and seconds: over 0, at most 366 days. Throws
 * `EnvelopeError`.
 */
export function parseDuration(text: string, pointer = ""): number {
  const parts = FORM.exec(text);
  if (parts !== null) {
    const [, hours = "0", minutes = "0", seconds = "0", fraction = ""] = parts;
    const ms =
      (Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)) * 1_000 + Number(fraction.padEnd(3, "0"));
    if (ms > 0 && ms <= LONGEST_MS) return ms;
  }
  return refuse("DURATION_INVALID", pointer, "not a duration of H, M and S over 0 and up to 366 days, such as PT1H30M");
}

/**
 * Writes a duration in the shortest form: 5000 is "PT5S", 5400000 is "PT1H30M". A fraction of a millisecond is rounded
 * up.
 */
export function formatDuration(ms: number): string {
  const whole = Math.ceil(ms);
  if (!(whole > 0 && whole <= LONGEST_MS)) {
    refuse("DURATION_INVALID", "", `${ms} ms is not over 0 and up to 366 days`);
  }
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor(whole / 60_000) % 60;
  const seconds = (whole % 60_000) / 1_000;
  return `PT${hours > 0 ? `${hours}H` : ""}${minutes > 0 ? `${minutes}M` : ""}${seconds > 0 ? `${seconds}S` : ""}`;
}
