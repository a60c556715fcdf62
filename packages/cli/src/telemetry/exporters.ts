import { diag, DiagLogLevel, metrics, ProxyTracerProvider, trace } from "@opentelemetry/api";
import { describeError } from "@waybill/core";
import { errorCode, member } from "@waybill/core/endpoint";
import { UsageError } from "../exit.ts";
import { printNote } from "../output/print.ts";
import type { Exporting } from "./asked.ts";

/** An SDK that exports what is registered globally. */
export interface Exporters {
  /** Sends what is left. Rejects, or never resolves, where that is impossible. */
  flush(): Promise<unknown>;
}

/** Starts the SDK of this command, or finds that of the program. Rejects `UsageError` where it is not installed. */
export async function startExporters(exporting: Exporting): Promise<Exporters> {
  switch (exporting.by) {
    case "program":
      return { flush: () => Promise.all(registered().map(flushed)) };
    case "command": {
      const NodeSDK = await sdkFor(exporting.variable);
      const sdk = new NodeSDK();
      // Without OTEL_LOG_LEVEL the SDK says nothing about a collector that is away.
      if ((process.env["OTEL_LOG_LEVEL"] ?? "") === "") diag.setLogger(firstError(), DiagLogLevel.ERROR);
      sdk.start();
      return { flush: () => sdk.shutdown() };
    }
  }
}

async function sdkFor(variable: string): Promise<typeof import("@opentelemetry/sdk-node").NodeSDK> {
  try {
    return (await import("@opentelemetry/sdk-node")).NodeSDK;
  } catch (thrown) {
    const isMissing = ["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"].includes(errorCode(thrown));
    const fault = isMissing ? "is not installed" : `cannot be loaded (${describeError(thrown)})`;
    const remedy = "run `npm install @opentelemetry/sdk-node @opentelemetry/api`, or set OTEL_SDK_DISABLED=true";
    throw new UsageError(`${variable} asks for OpenTelemetry, and @opentelemetry/sdk-node ${fault}: ${remedy}`, {
      cause: thrown,
    });
  }
}

/** The providers of the program: of traces, behind the API's own, and of metrics. */
function registered(): readonly unknown[] {
  const traces = trace.getTracerProvider();
  return [traces instanceof ProxyTracerProvider ? traces.getDelegate() : traces, metrics.getMeterProvider()];
}

async function flushed(provider: unknown): Promise<void> {
  const flush = member(provider, "forceFlush");
  if (typeof flush === "function") await Reflect.apply(flush, provider, []);
}

/** Prints the first error, since one that lasts comes with every export. */
function firstError(): Parameters<typeof diag.setLogger>[0] {
  let hasPrinted = false;
  const nothing = (): void => undefined;
  return {
    error(text: string) {
      if (hasPrinted) return;
      hasPrinted = true;
      printNote(
        `OpenTelemetry: ${messageOf(text)}; jobs go on. Further errors are not printed; OTEL_LOG_LEVEL=warn prints them`,
      );
    },
    warn: nothing,
    info: nothing,
    debug: nothing,
    verbose: nothing,
  };
}

/** Returns the message of an error, which the SDK writes as JSON with its stack. */
function messageOf(text: string): string {
  try {
    return String(member(JSON.parse(text), "message") ?? text);
  } catch {
    return text;
  }
}
