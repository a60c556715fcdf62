import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { onTestFinished } from "vitest";

type Attributes = Readonly<Record<string, unknown>>;

/** A span as it came, with the attributes of its resource. */
export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly parentSpanId: string;
  readonly attributes: Attributes;
  readonly resource: Attributes;
}

/** A point of a metric: a number, or the count of a histogram. */
export interface ReceivedPoint {
  readonly name: string;
  readonly value: number;
  readonly attributes: Attributes;
}

/** A collector that takes OTLP as JSON over HTTP. */
export interface Collector {
  readonly endpoint: string;
  readonly spans: readonly ReceivedSpan[];
  readonly points: readonly ReceivedPoint[];
}

interface Pair {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Described {
  readonly attributes?: readonly Pair[];
}

interface Traces {
  readonly resourceSpans: readonly {
    readonly resource: Described;
    readonly scopeSpans: readonly {
      readonly spans: readonly (Omit<ReceivedSpan, "attributes" | "resource"> & Described)[];
    }[];
  }[];
}

interface Point extends Described {
  readonly asInt?: number | string;
  readonly asDouble?: number;
  readonly count?: number | string;
}

interface Metrics {
  readonly resourceMetrics: readonly {
    readonly scopeMetrics: readonly {
      readonly metrics: readonly ({ readonly name: string } & Partial<
        Record<"gauge" | "sum" | "histogram", { readonly dataPoints: readonly Point[] }>
      >)[];
    }[];
  }[];
}

const attributesOf = ({ attributes = [] }: Described): Attributes =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

/** Starts a collector, until the test has ended. */
export async function startCollector(): Promise<Collector> {
  const spans: ReceivedSpan[] = [];
  const points: ReceivedPoint[] = [];
  const server = createServer(async (request, response) => {
    const body: unknown = JSON.parse(await text(request));
    if (request.url === "/v1/traces") spans.push(...spansOf(body as Traces));
    else points.push(...pointsOf(body as Metrics));
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, points };
}

const spansOf = ({ resourceSpans }: Traces): ReceivedSpan[] =>
  resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap((scope) =>
      scope.spans.map((span) => ({ ...span, attributes: attributesOf(span), resource: attributesOf(resource) })),
    ),
  );

const pointsOf = ({ resourceMetrics }: Metrics): ReceivedPoint[] =>
  resourceMetrics.flatMap(({ scopeMetrics }) =>
    scopeMetrics.flatMap(({ metrics }) =>
      metrics.flatMap(({ name, gauge, sum, histogram }) =>
        ((gauge ?? sum ?? histogram)?.dataPoints ?? []).map((point) => ({
          name,
          value: Number(point.asInt ?? point.asDouble ?? point.count),
          attributes: attributesOf(point),
        })),
      ),
    ),
  );
