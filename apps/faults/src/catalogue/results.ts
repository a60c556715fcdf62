import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { services } from "@waybill/test-servers";
import type { Cell } from "./run-scenario.ts";

/** A cell, and the run that it is from. */
export interface DatedCell extends Cell {
  /** UTC. */
  readonly when: string;
  readonly commit: string;
}

/** What results.json holds: of each cell the last run that was kept. */
export interface Results {
  /** That of the last run. */
  readonly machine: Machine;
  /** How long the last full run took; absent before the first. */
  readonly fullMinutes?: number;
  readonly cells: readonly DatedCell[];
}

interface Machine {
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly node: string;
  readonly servers: Readonly<Record<string, string>>;
}

const FILE = new URL("../../results.json", import.meta.url);

export function readResults(): Results {
  if (!existsSync(FILE)) return { machine: machine(), cells: [] };
  return JSON.parse(readFileSync(FILE, "utf8")) as Results;
}

/** Puts cells in the place of those of the same scenario and backend, in the order of `planned`; drops what is not planned. */
export function keepCells(cells: readonly DatedCell[], planned: readonly string[], fullMinutes?: number): void {
  const before = readResults();
  const of = new Map([...before.cells, ...cells].map((cell) => [keyOf(cell.scenario, cell.backend), cell]));
  const minutes = fullMinutes ?? before.fullMinutes;
  const results: Results = {
    machine: machine(),
    ...(minutes !== undefined && { fullMinutes: minutes }),
    cells: planned.flatMap((key) => of.get(key) ?? []),
  };
  writeFileSync(FILE, `${JSON.stringify(results, null, 2)}\n`);
}

export const keyOf = (scenario: string, backend: string): string => `${scenario} on ${backend}`;

/** The machine of this process. */
const machine = (): Machine => ({
  cores: cpus().length,
  memoryGb: Math.round(totalmem() / 2 ** 30),
  kernel: release(),
  node: process.version,
  servers: {
    SQLite: process.versions["sqlite"] ?? "of Node",
    Redis: services.redis.version,
    PostgreSQL: services.postgres.version,
    RabbitMQ: services.rabbitmq.version,
    fauxqs: services.sqs.version,
  },
});

/** The commit that is checked out, with "and changes" where files differ from it. */
export function commit(): string {
  const git = (...args: string[]): string => execFileSync("git", args, { encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain", "--untracked-files=no", "--", ":!*/results.json", ":!docs");
  return git("rev-parse", "--short=10", "HEAD") + (changed === "" ? "" : " and changes");
}
