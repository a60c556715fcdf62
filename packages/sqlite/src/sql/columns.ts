/**
 * SQL for a column as a whole number that JavaScript holds exactly, or null. Other programs may store any type in a column,
 * and `node:sqlite` throws at a larger integer: one odd row would fail a read of all rows.
 */
export const whole = (column: string): string =>
  `CASE WHEN typeof(${column}) = 'integer' AND abs(${column} / 2) <= 4503599627370495 THEN ${column} END`;

/**
 * SQL for a value as a number that JavaScript holds exactly, in SQLite's order: a larger number, a text or a blob becomes
 * the highest. Null stays null.
 */
export const clamped = (value: string): string => `max(-9007199254740991, min(${value}, 9007199254740991))`;

const last = (table: string) => `coalesce((SELECT max(seq) FROM ${table} WHERE seq < 9007199254740991), 0)`;

/**
 * SQL for the next position in line: above every job, and above every row that still names a job which another program deleted.
 * Positions beyond 2^53 are ignored.
 */
export const nextSeq: string = `1 + max(${last("waybill_jobs")}, ${last("waybill_dead")}, ${last("waybill_leases")})`;
