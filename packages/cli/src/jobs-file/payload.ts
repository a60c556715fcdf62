import { toError } from "@waybill/core";
import { text } from "node:stream/consumers";
import { UsageError } from "../exit.ts";

/** Parses the payload argument. "-" reads standard input to its end; undefined is `{}`. Throws `UsageError` if it is not JSON. */
export async function readPayload(argument: string | undefined): Promise<unknown> {
  if (argument === undefined) return {};
  const source = argument === "-" ? await text(process.stdin) : argument;
  try {
    return JSON.parse(source) as unknown;
  } catch (thrown) {
    const where = argument === "-" ? "standard input" : "the argument";
    throw new UsageError(
      `the payload in ${where} is not JSON (${toError(thrown).message}); quote it whole, for example '{"albumId":"a1"}'`,
      { cause: thrown },
    );
  }
}
