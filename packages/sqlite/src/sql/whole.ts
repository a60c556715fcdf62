/**
 * A column as a whole number that JavaScript holds exactly, or null. Columns hold values of any type, and `node:sqlite`
 * throws at a larger integer: one odd row would fail a read of all.
 */
export const whole = (column: string): string =>
  `CASE WHEN typeof(${column}) = 'integer' AND abs(${column} / 2) <= 4503599627370495 THEN ${column} END`;

/**
 * A value as a number that JavaScript holds exactly, in SQLite's order: what is too large, a text or a blob becomes the
 * highest. Null stays null.
 */
export const clamped = (value: string): string => `max(-9007199254740991, min(${value}, 9007199254740991))`;

/**
 * The place at the end of the line: above every job, and above every row that still names a job which another program
 * deleted. Places beyond 2^53 are not ours.
 */
export const endOfLine = `1 + max(
  coalesce((SELECT max(seq) FROM waybill_jobs WHERE seq < 9007199254740991), 0),
  coalesce((SELECT max(seq) FROM waybill_dead WHERE seq < 9007199254740991), 0),
  coalesce((SELECT max(seq) FROM waybill_leases WHERE seq < 9007199254740991), 0))`;
