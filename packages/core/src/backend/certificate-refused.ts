import { errorCode } from "../values/thrown.ts";

const CODE =
  /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(VERIFY|GET)_.+|CERT_.+|ERR_TLS_CERT_ALTNAME_INVALID)$/;

/** Whether a connection failed because the certificate of the server could not be verified. Never throws. */
export function isCertificateRefused(thrown: unknown): boolean {
  return CODE.test(errorCode(thrown));
}
