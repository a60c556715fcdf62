import { harmless } from "../harmless.ts";

/** One metric in the text format that Prometheus, and whoever speaks its language, scrapes. */
export interface Metric {
  readonly name: string;
  /** One sentence, its unit included. */
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly samples: readonly Sample[];
}

export interface Sample {
  /** "", or "_bucket", "_sum", "_count" of a histogram. */
  readonly suffix: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What to answer a scrape with; its content type is `text/plain; version=0.0.4`. */
export function exposition(metrics: readonly Metric[]): string {
  return metrics.map(block).join("");
}

function block({ name, help, type, samples }: Metric): string {
  const lines = samples.map(({ suffix, labels, value }) => `${name}${suffix}${labelsOf(labels)} ${numberOf(value)}`);
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines].join("\n") + "\n";
}

function labelsOf(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return harmless(value).replaceAll("\\", "\\\\").replaceAll('"', '\\"');
}

function numberOf(value: number): string {
  return value === Infinity ? "+Inf" : String(value);
}
