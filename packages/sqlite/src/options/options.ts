import {
  assertKnownOptions,
  assertNoFragment,
  assertText,
  configInvalid,
  decodeUrlPart,
  digits,
  type OptionNames,
  readUrlParameters,
  type RetainFinished,
  retentionOf,
  shownUrl,
  wholeNumber,
} from "@waybill/core/backend";

/** Where the file is, and how it is used. A URL may carry them too. */
export interface SqliteOptions {
  /** The file, relative to the working directory or absolute. Made when missing; its folder is not. */
  readonly path: string | undefined;
  /** Which finished jobs are remembered. Default: a day, at most 10,000. */
  readonly retainFinished?: RetainFinished | undefined;
  /**
   * Milliseconds that a write waits while another process writes, before `BACKEND_UNAVAILABLE`. Default 9,500: just under
   * the 10 s after which `connect` gives up by itself, so that the error can name the file.
   */
  readonly busyTimeoutMs?: number | undefined;
  /**
   * Milliseconds between two looks of a waiting `lease` for writes of other processes, where the operating system does not
   * report writes; and the longest pause between looks in the second after a reported write. Default 40.
   */
  readonly pollMs?: number | undefined;
}

/** The options with their defaults. */
export interface Settings {
  readonly path: string;
  readonly maxAgeMs: number;
  readonly maxCount: number;
  readonly busyTimeoutMs: number;
  readonly pollMs: number;
}

const OPTIONS: OptionNames<SqliteOptions> = { path: true, retainFinished: true, busyTimeoutMs: true, pollMs: true };

/** Fills in the defaults. Throws `CONFIG_INVALID` for an unknown option or a value that cannot be used. */
export function settingsOf(options: SqliteOptions): Settings {
  assertKnownOptions(options, OPTIONS, "the options of sqliteBackend");
  const { path, busyTimeoutMs = 9_500, pollMs = 40, retainFinished } = options;
  assertText("sqlite: path", path, "name a file, such as ./waybill.db");
  if (path === "") throw configInvalid("the path of the file is empty; name one, such as ./waybill.db");
  if (path === ":memory:") {
    throw configInvalid('":memory:" would lose every job; name a file, or use the backend "memory:" in tests');
  }
  return {
    path,
    ...retentionOf("sqlite", retainFinished),
    busyTimeoutMs: wholeNumber("sqlite: busyTimeoutMs", busyTimeoutMs, { least: 0, orInfinity: true }),
    pollMs: wholeNumber("sqlite: pollMs", pollMs, { least: 1, orInfinity: true }),
  };
}

const PARAMETERS = { busyTimeoutMs: digits, pollMs: digits, retainMaxAgeMs: digits, retainMaxCount: digits };

/** Reads `sqlite:./waybill.db`, `sqlite:/abs/waybill.db` or `sqlite:///abs/waybill.db`. Throws `CONFIG_INVALID`. */
export function optionsFromUrl(url: string): SqliteOptions {
  const shown = shownUrl(url);
  const parts = /^sqlite:(?<address>[^?#]*)(?:\?(?<query>[^#]*))?(?<fragment>#.*)?$/s.exec(url)?.groups;
  if (parts === undefined) throw configInvalid(`${shown} is not a sqlite URL; write it as sqlite:./waybill.db`);
  assertNoFragment(parts["fragment"], shown);
  const query = new URLSearchParams(parts["query"] ?? "");
  const { retainMaxAgeMs, retainMaxCount, ...options } = readUrlParameters(query, PARAMETERS, { shown });
  const path = pathOf(parts["address"] ?? "", shown);
  return { path, ...options, retainFinished: { maxAgeMs: retainMaxAgeMs, maxCount: retainMaxCount } };
}

function pathOf(address: string, shown: string): string {
  if (address.startsWith("//") && !address.startsWith("///")) {
    const text = `${shown} names a host; a file is written as sqlite:./waybill.db or sqlite:/folder/waybill.db`;
    throw configInvalid(text);
  }
  const path = address.startsWith("///") ? address.slice(2) : address;
  if (path === "") throw configInvalid(`${shown} names no file; write it as sqlite:./waybill.db`);
  if (path.startsWith("file:")) throw configInvalid(`${shown} has two schemes; write it as sqlite:${path.slice(5)}`);
  return localPath(decodeUrlPart(path, "the path", shown), shown, process.platform);
}

/** Accepts `C:\jobs.db` and `/C:/jobs.db` on Windows only: elsewhere they would create a file of that name. */
export function localPath(path: string, shown: string, platform: NodeJS.Platform): string {
  const onDrive = /^\/?(?<file>[a-z]:[\\/].*)$/is.exec(path)?.groups?.["file"];
  if (platform === "win32") return onDrive ?? path;
  if (onDrive === undefined && !/^\.{0,2}\\/.test(path)) return path;
  throw configInvalid(`${shown} is a path of Windows, and this is ${platform}; write one such as sqlite:./waybill.db`);
}
