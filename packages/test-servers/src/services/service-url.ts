import { type ServiceName, services } from "./services.ts";

/** Set by the vitest setup: the URL of the server that finds services. */
export const FINDER_VARIABLE = "WAYBILL_TEST_FINDER";

/**
 * Returns the URL of a running service, which is found or started at the first call of the whole run. All tests share it, so
 * use names of your own in it. Rejects with what to do when there is none.
 */
export async function serviceUrl(name: ServiceName): Promise<string> {
  const given = process.env[services[name].variable];
  if (given) return given;
  const finder = process.env[FINDER_VARIABLE];
  if (!finder) throw new Error(`run the test by vitest from the repository's root, or set ${services[name].variable}`);
  const response = await fetch(`${finder}/${name}`);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}
