import { describe, expect, it } from "vitest";
import { formatDuration, formatTimestamp, parseDuration, parseTimestamp } from "../../src/envelope/index.ts";

describe("timestamps", () => {
  it("every day from 1970 to 2110, and into 9999, is read as the platform's own calendar reads it", () => {
    const day = 86_400_000;
    for (let ms = 12_345_678; ms < Date.UTC(2111, 0, 1); ms += day) {
      const text = new Date(ms).toISOString();
      if (parseTimestamp(text) !== ms) expect({ text, ms: parseTimestamp(text) }).toEqual({ text, ms });
    }
    for (let ms = Date.UTC(2111, 0, 1); ms < Date.UTC(9999, 11, 31); ms += 997 * day + 1) {
      expect(parseTimestamp(new Date(ms).toISOString())).toBe(ms);
    }
  });

  it("days that no month has are refused in every month of common, leap and century years", () => {
    for (const year of [2023, 2024, 2100, 2400]) {
      for (let month = 1; month <= 12; month++) {
        const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
        const at = (day: number): string => `${year}-${String(month).padStart(2, "0")}-${day}T00:00:00Z`;
        expect(() => parseTimestamp(at(days))).not.toThrow();
        expect(() => parseTimestamp(at(days + 1))).toThrow("RFC 3339");
      }
    }
  });

  it("are written in UTC with three decimals, cut and not rounded, and read back as written", () => {
    expect(formatTimestamp(0)).toBe("1970-01-01T00:00:00.000Z");
    expect(formatTimestamp(1_795_341_600_999.9)).toBe("2026-11-22T10:00:00.999Z");
    expect(parseTimestamp(formatTimestamp(253_402_300_799_999))).toBe(253_402_300_799_999);
    for (const ms of [-1, 253_402_300_800_000, Number.NaN, Infinity]) {
      expect(() => formatTimestamp(ms)).toThrow("1970 to 9999");
    }
  });
});

describe("durations", () => {
  it("are written in their shortest form and read back as the same number", () => {
    expect(formatDuration(1)).toBe("PT0.001S");
    expect(formatDuration(5_000)).toBe("PT5S");
    expect(formatDuration(5_400_000)).toBe("PT1H30M");
    expect(formatDuration(3_661_250)).toBe("PT1H1M1.25S");
    expect(formatDuration(31_622_400_000)).toBe("PT8784H");
    for (let ms = 1; ms < 31_622_400_000; ms = Math.ceil(ms * 1.01)) expect(parseDuration(formatDuration(ms))).toBe(ms);
  });

  it("a fraction of a millisecond is rounded up, so that a wait is never cut to nothing", () => {
    expect(formatDuration(0.2)).toBe("PT0.001S");
    expect(formatDuration(1_000.5)).toBe("PT1.001S");
  });

  it("nothing, less than nothing and more than 366 days cannot be written", () => {
    for (const ms of [0, -5, 31_622_400_001, Number.NaN, Infinity]) {
      expect(() => formatDuration(ms)).toThrow("366 days");
    }
  });
});
