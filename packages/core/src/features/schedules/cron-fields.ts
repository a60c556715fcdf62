import { WaybillError } from "../../errors.ts";
import { describeValue } from "../../known-options.ts";

/** A cron expression, split into its five fields. */
export interface CronFields {
  /** As croner reads it. */
  readonly pattern: string;
  /**
   * True: the minute or the hour begins with "*", so the expression means an interval. False: it means fixed times of the day.
   * The two differ when the clocks change.
   */
  readonly isWildcard: boolean;
  /** True: a day must match both the day of the month and the day of the week. False: either. */
  readonly bothDays: boolean;
}

const NICKNAMES: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

/** Throws `CONFIG_INVALID` for a text that does not have five fields. `name` says which option it is. Ranges are checked by `calendarOf`. */
export function cronFields(cron: unknown, name: string): CronFields {
  if (typeof cron !== "string")
    throw invalid(`${name} is ${describeValue(cron)}: write five fields, such as "0 9 * * MON"`);
  const text = NICKNAMES[cron.trim().toLowerCase()] ?? cron;
  const fields = text.trim().split(/\s+/);
  const [minute = "", hour = "", day = "", , weekday = ""] = fields;
  if (fields.length !== 5) throw invalid(wrongCount(cron, fields.length, name));
  const odd = fields.find((field) => !/^[\w*,/#-]+$/.test(field));
  if (odd !== undefined) {
    throw invalid(
      `${name} is ${describeValue(cron)}: "${odd}" is no field of cron; write "*", 5, 1-5, "*/10" or MON,FRI`,
    );
  }
  return {
    pattern: fields.join(" "),
    isWildcard: minute.startsWith("*") || hour.startsWith("*"),
    bothDays: day.startsWith("*") || weekday.startsWith("*"),
  };
}

function wrongCount(cron: string, count: number, name: string): string {
  const said = `${name} is ${describeValue(cron)}, which has ${count === 1 ? "1 field" : `${count} fields`}`;
  const five = 'write five: minute, hour, day of the month, month, day of the week, as in "0 9 * * MON"';
  return count === 6 || count === 7 ? `${said}; ${five}. For seconds, use \`every: "10s"\`` : `${said}; ${five}`;
}

const invalid = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);
