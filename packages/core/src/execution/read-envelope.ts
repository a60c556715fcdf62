import { type Envelope, parseEnvelope } from "../envelope/index.ts";
import { EnvelopeError } from "../errors.ts";
import type { Outcome } from "../job/outcome.ts";
import { envelopeWithin, readSignedWrapper } from "../signing/signed-wrapper.ts";
import { toError } from "../values/thrown.ts";
import { signatureFault } from "./checks.ts";
import type { Run } from "./run.ts";

/** Dead-letters a record that the backend could not read as a job. */
export function refuseDamagedRecord({ delivery: { damage } }: Run): Outcome | null {
  return damage === undefined ? null : rejected(damage.code, damage.message);
}

/**
 * Parses the body. If it is a signed wrapper, the run continues with the envelope and the signature inside it. Goes on in any
 * case: an invalid body is refused after its span has started.
 */
export function readEnvelope(run: Run): null {
  try {
    run.parsed = run.delivery.envelope ?? parseEnvelope(run.delivery.body);
  } catch (thrown) {
    try {
      run.parsed = unwrap(run);
      if (run.parsed === null) run.invalid = toError(thrown);
    } catch (within) {
      run.invalid = toError(within);
    }
  }
  return null;
}

/** Returns the envelope inside a signed wrapper; null for any other body. Throws for an invalid envelope inside. */
function unwrap(run: Run): Envelope | null {
  const wrapper = readSignedWrapper(run.delivery.body);
  if (wrapper === null) return null;
  run.delivery = { ...run.delivery, body: wrapper.envelope, signature: wrapper.signature };
  try {
    return envelopeWithin(wrapper);
  } catch (thrown) {
    // The signature is judged first. The wrapper has the id for it even where the envelope inside is invalid.
    run.forged = signatureFault(run, wrapper.id);
    throw thrown;
  }
}

/** Dead-letters a body that is no valid envelope. */
export function refuseInvalidBody({ invalid, forged }: Run): Outcome | null {
  if (invalid === null) return null;
  if (forged !== null) return rejected("SIGNATURE_INVALID", forged);
  const code = invalid instanceof EnvelopeError ? invalid.envelopeCode : "ADMISSION_FAILED";
  return rejected(code, invalid.message, invalid);
}

function rejected(code: string, message: string, error?: Error): Outcome {
  return { kind: "dead", reason: { code, message }, kept: true, rejected: true, ...(error && { error }) };
}
