import { member } from "../values/any-value.ts";
import { errorCode, errorMessage } from "../values/thrown.ts";

/** What a user writes about TLS for one backend, each as it continues "or …". */
export interface TlsRemedies {
  /** Names the authority of the server's certificate: "?ca=/path/to/ca.pem". */
  readonly authority: string;
  /** Connects without verifying the certificate: "encrypt without verifying it: ?verify=none". Absent: there is no way. */
  readonly unverified?: string;
  /** Connects to a server whose certificate has another name. */
  readonly otherName?: string;
  /** Names a certificate and a key of the client. Absent: the driver has none. */
  readonly client?: string;
  /** Connects by TLS: 'begin the URL with "rediss://"'. */
  readonly encrypted: string;
  /** Connects without TLS: 'begin the URL with "redis://"'. */
  readonly plain: string;
}

const UNVERIFIED = /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(VERIFY|GET)_.+|CERT_.+)$/;
const NO_TLS =
  /^(ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|UNKNOWN_PROTOCOL|HTTP_REQUEST|RECORD_LAYER_FAILURE)|EPROTO)$/;
/** The server sent one of these alerts about the client's certificate, or about its absence. */
const CLIENT_MISSING = /CERTIFICATE_REQUIRED$|_ALERT_HANDSHAKE_FAILURE$/;
const CLIENT_REFUSED =
  /^ERR_SSL_.*ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_\w+|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED|DECRYPT_ERROR)$/;
/** The client's own files: one is no PEM, or the key is of another certificate. */
const FILES = /^ERR_OSSL_(X509_KEY_VALUES_MISMATCH|PEM_.+|.*UNSUPPORTED)$/;

/**
 * Returns what is wrong between the TLS of a client and that of its server, and what to do about it, as the end of a sentence
 * that begins with the server's address. Returns null where the error is none of TLS. Never throws.
 */
export function tlsFault(thrown: unknown, remedies: TlsRemedies): string | null {
  const code = errorCode(thrown);
  const said = `(${reasonOf(thrown)})`;
  const { authority, unverified, otherName, client, plain } = remedies;
  const or = (remedy: string | undefined): string => (remedy === undefined ? "" : `, or ${remedy}`);
  if (code === "CERT_HAS_EXPIRED") {
    return `the certificate of the server has expired; renew it, or correct the clock of this machine if it is ahead`;
  }
  if (code === "CERT_NOT_YET_VALID") {
    return `the certificate of the server is not valid yet; correct the clock of this machine, which may be behind`;
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return `the certificate of the server is ${namesOf(thrown)}; write a host that it names${or(otherName)}`;
  }
  if (UNVERIFIED.test(code)) {
    return `the certificate of the server cannot be verified ${said}; name its authority: ${authority}${or(unverified)}`;
  }
  if (CLIENT_MISSING.test(code)) {
    return `the server asks for a client certificate; ${client === undefined ? "connect through a proxy that has one" : `name one and its key: ${client}`}`;
  }
  if (CLIENT_REFUSED.test(code)) {
    return `the server refuses the client certificate ${said}; name one that has not expired, of an authority that the server trusts`;
  }
  if (FILES.test(code)) {
    return `a file of TLS cannot be used ${said}; name PEM files, and the key that belongs to the certificate`;
  }
  return NO_TLS.test(code) ? `the server speaks no TLS on this port; ${plain}, or name its port for TLS` : null;
}

/** OpenSSL's own words without its numbers, where there are some. */
function reasonOf(thrown: unknown): string {
  const reason = member(thrown, "reason");
  return typeof reason === "string" ? reason : errorMessage(thrown).trim();
}

/**
 * Returns what to try, as the end of a sentence, where a server closed a connection that was being opened: one that takes TLS
 * alone does so with a client that has none, and may close it before the client reads why it refused its certificate. ""
 * where that is not what happened. Never throws.
 */
export function closedAtOpening(thrown: unknown, usesTls: boolean, { client, encrypted }: TlsRemedies): string {
  if (!/^(ECONNRESET|EPIPE)$/.test(errorCode(thrown)) && !/closed abruptly/.test(errorMessage(thrown))) return "";
  if (!usesTls) return `; if the server takes TLS alone, ${encrypted}`;
  return client === undefined
    ? ""
    : `; if the server asks for a client certificate, name one that it accepts: ${client}`;
}

/** "for DNS:localhost, not for 127.0.0.1", of an error of `tls.checkServerIdentity`. */
function namesOf(thrown: unknown): string {
  const certificate = member(thrown, "cert");
  const [names, host] = [member(certificate, "subjectaltname"), member(thrown, "host")];
  const isFor = typeof names === "string" && names !== "" ? `for ${names}` : "for another host";
  return typeof host === "string" ? `${isFor}, not for ${host}` : isFor;
}
