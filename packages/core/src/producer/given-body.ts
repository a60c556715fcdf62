import type { Signature } from "../backend/contract.ts";
import type { Envelope } from "../envelope/index.ts";
import { WaybillError } from "../errors.ts";
import { describeValue } from "../known-options.ts";
import { parser } from "./make-message.ts";

/** An envelope made elsewhere, with the bytes and the signature to store. */
export interface GivenBody {
  readonly envelope: Envelope;
  readonly body: string;
  readonly signature: Signature | null;
}

/**
 * Parses the body. If it is a signed wrapper, returns the envelope inside it with the wrapper's signature. Rejects
 * `CONFIG_INVALID` for anything but a string and `ENVELOPE_INVALID` for a text that is neither.
 */
export async function readGivenBody(body: unknown, signature: Signature | null): Promise<GivenBody> {
  if (typeof body !== "string") {
    const remedy = "pass the envelope as text, JSON.stringify(envelope)";
    throw new WaybillError("CONFIG_INVALID", `the body of enqueueBody is ${describeValue(body)}: ${remedy}`);
  }
  const { parseEnvelope } = await parser();
  try {
    return { envelope: parseEnvelope(body), body, signature };
  } catch (thrown) {
    const { envelopeWithin, readSignedWrapper } = await import("../signing/signed-wrapper.ts");
    const wrapper = readSignedWrapper(body);
    if (wrapper === null) throw thrown;
    return { envelope: envelopeWithin(wrapper), body: wrapper.envelope, signature: wrapper.signature };
  }
}
