import { printable } from "../../values/printable.ts";

/** One metric in the text format of Prometheus. */
export interface Metric {
  readonly name: string;
  /** One sentence, with the unit. */
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly samples: readonly Sample[];
}

/** One value of a metric. */
export interface Sample {
  /** "", or "_bucket", "_sum", "_count" of a histogram. */
  readonly suffix: string;
  readonly labels: Readonly<Record<string, string>>;
  /** In the unit that `help` names. */
  readonly value: number;
}

/** Returns the body of a scrape. Its content type is `text/plain; version=0.0.4`. */
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
  return printable(value).replaceAll("\\", "\\\\").replaceAll('"', '\\"');
}

function numberOf(value: number): string {
  return value === Infinity ? "+Inf" : String(value);
}
