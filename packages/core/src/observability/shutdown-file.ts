import { closeSync, fstatSync, fsyncSync, openSync, renameSync, statSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { isWaybillError, WaybillError } from "../errors.ts";
import { printableJson } from "../values/printable.ts";
import { describeError, errorCode } from "../values/thrown.ts";
import { warn } from "../values/warn.ts";
import { describeValue } from "../known-options.ts";

/** A local file that keeps how processes ended, for the case that stdout is lost with the network. */
export interface ShutdownFile {
  /** Appends one line of JSON. Returns once the disk has it. A line that cannot be written is a process warning. Never throws. */
  write(line: object): void;
}

/** The size at which a file is renamed to "….1", which replaces the one before. */
export const LARGEST_BYTES = 1_048_576;

const open = new Map<string, ShutdownFile>();

/**
 * Opens a file for appending, or creates it for its owner and its group to read. Opening a path again returns the same file. Throws
 * `CONFIG_INVALID` for a path that cannot be opened, and for what is no file: a pipe would wait for a reader.
 */
export function openShutdownFile(path: string): ShutdownFile {
  if (typeof path !== "string" || path === "")
    throw refuse(`shutdownFile is ${describeValue(path)}: the path of a file`);
  const whole = resolve(path);
  const known = open.get(whole);
  if (known !== undefined) return known;
  const file = opened(whole);
  open.set(whole, file);
  return file;
}

function opened(path: string): ShutdownFile {
  let descriptor = openFile(path);
  const reopen = (): void => {
    const next = openFile(path);
    closeSync(descriptor);
    descriptor = next;
  };
  /** Another process, or a tool, may have renamed or removed the file. */
  const assureSize = (length: number): void => {
    const { ino, size } = fstatSync(descriptor);
    if (statSync(path, { throwIfNoEntry: false })?.ino !== ino) return reopen();
    if (size + length <= LARGEST_BYTES) return;
    renameSync(path, `${path}.1`);
    reopen();
  };
  return {
    write(line) {
      try {
        const bytes = Buffer.from(`${printableJson(line)}\n`);
        assureSize(bytes.length);
        // One call, so that lines of several processes do not mix.
        writeSync(descriptor, bytes);
        fsyncSync(descriptor);
      } catch (thrown) {
        warn(`a line for ${path} is lost: ${describeError(thrown)}`);
      }
    },
  };
}

function openFile(path: string): number {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found !== undefined && !found.isFile()) throw refuse(`shutdownFile is ${path}, which is there and is no file`);
    return openSync(path, "a", 0o640);
  } catch (thrown) {
    if (isWaybillError(thrown)) throw thrown;
    const remedy = REMEDIES.get(errorCode(thrown) ?? "") ?? "name a file that this user may write";
    throw refuse(`shutdownFile is ${path}, which cannot be opened: ${describeError(thrown)}; ${remedy}`);
  }
}

const REMEDIES: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "create its folder first; in a unit file LogsDirectory= does"],
  ["EROFS", "name a file on a disk that is not read-only, such as in /var/log"],
]);

const refuse = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);
