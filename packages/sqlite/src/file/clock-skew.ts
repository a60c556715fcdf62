/** A time that was stored this far in the future shows that the clock was set back. Less is normal adjustment. */
const SKEW_MS = 1_000;

/** Whether a stored time shows that the clock was set back. Null: nothing was stored. */
export const isSetBack = (storedAt: number | null, at: number): boolean => storedAt !== null && storedAt > at + SKEW_MS;
