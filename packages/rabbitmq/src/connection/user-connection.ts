import { describeError, isWaybillError, toError, WaybillError } from "@waybill/core";
import { member } from "@waybill/core/backend";
import type { ChannelModel } from "amqplib";
import { invalid, isRefusal, unavailable, within } from "../errors.ts";
import type { Settings } from "../options.ts";

/** The members of a connection that are used here. */
const METHODS = ["createChannel", "createConfirmChannel", "on", "close"] as const;

/**
 * Opens a connection with the user's `connect`. Rejects BACKEND_UNAVAILABLE after `limitMs` and closes a connection that
 * comes later. Rejects CONFIG_INVALID when the result is not a connection, or when the broker refuses the user.
 */
export async function openUserConnection(
  connect: NonNullable<Settings["connect"]>,
  heartbeatS: number,
  limitMs: number,
): Promise<ChannelModel> {
  let late = false;
  const open = async (): Promise<ChannelModel> => {
    const model: unknown = await connect(heartbeatS);
    if (!isConnection(model)) {
      throw invalid("`connect` returned no connection; return what `connect` of amqplib resolves with");
    }
    if (late) {
      model.on("error", () => undefined);
      await model.close();
    }
    return model;
  };
  try {
    return await within(open(), performance.now() + limitMs, () => `\`connect\` did not settle within ${limitMs} ms`);
  } catch (thrown) {
    late = true;
    if (isWaybillError(thrown)) throw thrown;
    const text = `\`connect\` opened no connection: ${describeError(thrown)}`;
    throw isRefusal(toError(thrown))
      ? new WaybillError("CONFIG_INVALID", text, { cause: thrown })
      : unavailable(text, thrown);
  }
}

const isConnection = (value: unknown): value is ChannelModel =>
  typeof member(member(value, "connection"), "serverProperties") === "object" &&
  METHODS.every((name) => typeof member(value, name) === "function");
