import { request } from "node:http";
import { type Running, until } from "./cli.ts";

/** The address that a command with `--metrics-port 0` has printed. */
export async function probesOf(running: Running): Promise<string> {
  let text = "";
  running.child.stderr.on("data", (chunk: string) => (text += chunk));
  const found = await until("the address of the probes", () => /at (http:\/\/\S+)\n/.exec(text));
  return found[1] ?? "";
}

export interface Probed {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** One request, with any method, path and headers. */
export function probe(
  address: string,
  path: string,
  { method = "GET", headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Promise<Probed> {
  const { hostname, port } = new URL(address);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method, headers, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
    });
    sent.on("error", reject).end();
  });
}

/** The value of one series of a scrape; null when it is not there. `series` is its name with its labels. */
export function valueOf(scrape: string, series: string): number | null {
  const line = scrape.split("\n").find((one) => one.startsWith(`${series} `));
  return line === undefined ? null : Number(line.slice(series.length + 1));
}
