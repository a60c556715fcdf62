import {
  assertKnownOptions,
  assertText,
  configInvalid,
  type OptionNames,
  retentionOf,
  wholeNumber,
} from "@waybill/core/backend";
import type { Pool } from "pg";
import type { PostgresOptions } from "./options.ts";
import { driverUrl } from "./url.ts";

/** The options with their defaults. */
export interface Settings {
  readonly url: string;
  readonly pool: Pool | null;
  readonly schema: string;
  readonly connections: number;
  /** Null: does not listen. */
  readonly listenUrl: string | null;
  /** Whether the URL to listen at was given: then notifications must arrive. */
  readonly mustListen: boolean;
  readonly pollMs: number;
  readonly migrate: boolean;
  readonly maxAgeMs: number;
  readonly maxCount: number;
}

const OPTIONS: OptionNames<PostgresOptions> = {
  url: true,
  pool: true,
  schema: true,
  connections: true,
  listen: true,
  pollMs: true,
  migrate: true,
  retainFinished: true,
};

/** Fills in the defaults. Throws `CONFIG_INVALID` for an unknown option or a value that cannot be used. */
export function settingsOf(options: PostgresOptions): Settings {
  assertKnownOptions(options, OPTIONS, "the options of postgresBackend");
  const { url, pool = null, schema = "waybill", connections = 4, listen, pollMs = 50, migrate = true } = options;
  if (url === undefined && pool !== null) {
    const text = "a pool was given and url is undefined; give both: one connection listens by the url, beside the pool";
    throw configInvalid(`postgres: ${text}`);
  }
  assertText("postgres: url", url, "give postgres://user:password@host:5432/database");
  if (!/^[a-z_][a-z0-9_]{0,47}$/.test(schema) || schema.startsWith("pg_") || schema === "public") {
    const remedy = "give waybill one of its own, named by lower-case letters, digits and underscores";
    throw configInvalid(`postgres: schema "${schema}" cannot be used; ${remedy}`);
  }
  const mustListen = listen !== undefined && listen !== "off";
  const ownUrl = driverUrl(url, "the URL");
  const listenUrl = mustListen ? driverUrl(listen, "listen") : ownUrl;
  const why = ": one listens, the others work";
  return {
    url: ownUrl,
    pool,
    schema,
    connections: wholeNumber("postgres: connections", connections, { least: 2, orInfinity: true, why }),
    listenUrl: listen === "off" ? null : listenUrl,
    mustListen,
    pollMs: wholeNumber("postgres: pollMs", pollMs, { least: 1, orInfinity: true }),
    migrate,
    ...retentionOf("postgres", options.retainFinished),
  };
}
