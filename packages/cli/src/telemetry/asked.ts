/** The variables that ask for an exporter. Others, such as OTEL_SERVICE_NAME, only describe the program. */
const ASKING = [
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
  "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
  "OTEL_TRACES_EXPORTER",
  "OTEL_METRICS_EXPORTER",
] as const;
const EXPORTERS = ["OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"] as const;

/** Where the spans and metrics of a process go. */
export type Exporting =
  /** By an SDK that `--import` or NODE_OPTIONS has registered. */
  | { readonly by: "program" }
  /** By the SDK of this command, since `variable` is set. */
  | { readonly by: "command"; readonly variable: string };

/** Returns how OpenTelemetry is asked for; null when it is not. Loads nothing. */
export function exportingOf(env: NodeJS.ProcessEnv): Exporting | null {
  if (isRegistered()) return { by: "program" };
  if (textOf(env["OTEL_SDK_DISABLED"]) === "true") return null;
  if (EXPORTERS.every((name) => textOf(env[name]) === "none")) return null;
  const variable = ASKING.find((name) => !["", "none"].includes(textOf(env[name])));
  return variable === undefined ? null : { by: "command", variable };
}

const textOf = (value: string | undefined): string => (value ?? "").trim().toLowerCase();

/** Whether an SDK is registered. `@opentelemetry/api` 1.x keeps it under this symbol, so that all its copies find it. */
function isRegistered(): boolean {
  const api: unknown = Reflect.get(globalThis, Symbol.for("opentelemetry.js.api.1"));
  return typeof api === "object" && api !== null && ("trace" in api || "metrics" in api);
}
