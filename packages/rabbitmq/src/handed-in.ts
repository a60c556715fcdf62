import { describeError, isWaybillError, toError, WaybillError } from "@waybill/core";
import { member } from "@waybill/core/backend";
import type { ChannelModel } from "amqplib";
import { within } from "./deadline.ts";
import { isRefusal, unavailable } from "./errors.ts";
import { invalid, type Settings } from "./options.ts";

type Connect = NonNullable<Settings["connect"]>;

/** What we use of a connection. */
const CALLED = ["createChannel", "createConfirmChannel", "on", "close"] as const;

/**
 * A connection from the user's `connect`, which may do anything: throw, return what is no connection, or never settle. A
 * connection that comes after `forMs` is closed.
 */
export async function connectionOf(connect: Connect, heartbeatS: number, forMs: number): Promise<ChannelModel> {
  let late = false;
  const opening = open(connect, heartbeatS, () => late);
  try {
    return await within(opening, performance.now() + forMs, () => `\`connect\` did not settle within ${forMs} ms`);
  } catch (thrown) {
    late = true;
    if (isWaybillError(thrown)) throw thrown;
    const text = `\`connect\` opened no connection: ${describeError(thrown)}`;
    if (isRefusal(toError(thrown))) throw new WaybillError("CONFIG_INVALID", text, { cause: thrown });
    throw unavailable(text, thrown);
  }
}

async function open(connect: Connect, heartbeatS: number, isLate: () => boolean): Promise<ChannelModel> {
  const model: unknown = await connect(heartbeatS);
  if (!isConnection(model)) {
    throw invalid("`connect` returned no connection; return what `connect` of amqplib resolves with");
  }
  if (isLate()) {
    model.on("error", () => undefined);
    await model.close();
  }
  return model;
}

function isConnection(value: unknown): value is ChannelModel {
  const connection = member(value, "connection");
  return (
    typeof member(connection, "serverProperties") === "object" &&
    CALLED.every((name) => typeof member(value, name) === "function")
  );
}
