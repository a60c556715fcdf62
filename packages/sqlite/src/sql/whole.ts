/**
 * A column as a whole number that JavaScript holds exactly, or null. Columns hold values of any type, and `node:sqlite`
 * throws at a larger integer: one odd row would fail a read of all.
 */
export const whole = (column: string): string =>
  `CASE WHEN typeof(${column}) = 'integer' AND abs(${column} / 2) <= 4503599627370495 THEN ${column} END`;
