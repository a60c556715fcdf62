const STEPS = [
  { unit: "d", ms: 86_400_000 },
  { unit: "h", ms: 3_600_000 },
  { unit: "min", ms: 60_000 },
  { unit: "s", ms: 1_000 },
] as const;

/** Formats milliseconds: "420 ms", "2.1 s", "3 h". One decimal below ten, none above. */
export function span(ms: number): string {
  const step = STEPS.find((candidate) => ms >= candidate.ms);
  if (step === undefined) return `${Math.max(0, Math.round(ms))} ms`;
  const value = ms / step.ms;
  return `${value < 10 ? String(Math.round(value * 10) / 10) : String(Math.round(value))} ${step.unit}`;
}
