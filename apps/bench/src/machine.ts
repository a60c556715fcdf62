import { execFileSync } from "node:child_process";
import { availableParallelism, cpus, loadavg } from "node:os";
import { errorMessage } from "@waybill/core";
import { pragmas } from "./raw-queue.ts";
import { scratchRoot } from "./scratch.ts";

/** What the numbers depend on, one fact a line. */
export function machineFacts(): string[] {
  return [
    `Node ${process.version}, SQLite ${process.versions["sqlite"] ?? "unknown"}`,
    `${availableParallelism()} cores, ${cpus()[0]?.model.trim() ?? "unknown model"}`,
    `load ${(loadavg()[0] ?? 0).toFixed(1)} before the start: above ${availableParallelism() / 4}, read ratios rather than speeds`,
    `files in ${scratchRoot()} (${fileSystemOf(scratchRoot())}); WAYBILL_BENCH_DIR names another folder`,
    `both sides: ${pragmas.join(", ")}`,
  ];
}

function fileSystemOf(directory: string): string {
  try {
    return execFileSync("stat", ["-f", "-c", "%T", directory], { encoding: "utf8" }).trim();
  } catch (error) {
    return `file system unknown: ${errorMessage(error).slice(0, 60)}`;
  }
}
