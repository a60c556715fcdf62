import { expect, test } from "vitest";
import { everySeries } from "./every-series.ts";
import { read } from "./workspace.ts";

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly w: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}
interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
}

const dashboard = JSON.parse(read("docs/grafana/waybill.json")) as Dashboard;
const targets = dashboard.panels.flatMap(({ targets: its = [], title }) => its.map((one) => ({ title, ...one })));
/** Of every scrape, by Prometheus. */
const OF_PROMETHEUS = ["job", "instance"];
/** Only of a Redis with a limit; R65 is tested on one. */
const LIMITED = new Set(["waybill_backend_memory_ratio", "waybill_backend_memory_limit_bytes"]);

/** Series as Prometheus stores them, with the names of their labels. */
async function exposed(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const stored = (await everySeries()).flatMap(({ name, samples }) =>
    samples.map(({ suffix, labels }) => [`${name}${suffix}`, Object.keys(labels)] as const),
  );
  const grouped = Map.groupBy(stored, ([name]) => name);
  return new Map([...grouped].map(([name, all]) => [name, new Set(all.flatMap(([, labels]) => labels))]));
}

test("every expression of docs/grafana/waybill.json names metrics and labels of the real exposition", async () => {
  const series = await exposed();
  expect(targets.length).toBeGreaterThan(25);
  const faults = targets.flatMap(({ title, expr, legendFormat }) => {
    const used = [...expr.matchAll(/\b(waybill_\w+)(?:\{([^}]*)\})?/g)];
    if (used.length === 0) return [`${title}: no metric`];
    const known = (name: string): ReadonlySet<string> => new Set([...(series.get(name) ?? []), ...OF_PROMETHEUS]);
    const names = used.map(([, name = ""]) => name);
    const grouped = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(/,\s*/));
    const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label);
    return [
      ...names.filter((name) => !series.has(name) && !LIMITED.has(name)).map((name) => `${title}: ${name}`),
      ...used.flatMap(([, name = "", matchers = ""]) =>
        [...matchers.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)]
          .map(([, label = ""]) => label)
          .filter((label) => !known(name).has(label))
          .map((label) => `${title}: ${name} has no ${label}`),
      ),
      ...grouped
        .filter((label) => !names.some((name) => known(name).has(label)))
        .map((label) => `${title}: by ${label}`),
      ...shown
        .filter((label) => !names.some((name) => known(name).has(label)))
        .map((label) => `${title}: shows ${label}`),
    ];
  });
  expect(faults).toEqual([]);
});

test("its variables and its grid are what Grafana takes", () => {
  const variables = new Set(dashboard.templating.list.map(({ name }) => name));
  const asked = [...JSON.stringify(dashboard.panels).matchAll(/\$\{?(\w+)/g)].map(([, name = ""]) => name);
  expect(asked.filter((name) => !variables.has(name) && name !== "__rate_interval")).toEqual([]);
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  expect(dashboard.panels.filter(({ gridPos }) => gridPos.x + gridPos.w > 24)).toEqual([]);
  const counters = targets.filter(({ expr }) => /_total|_bucket|_sum|_count/.test(expr) && !expr.includes("rate("));
  expect(counters).toEqual([]);
});
