import { expect, test } from "vitest";
import { closedAtOpening, tlsFault, type TlsRemedies } from "../../src/backend/tls-fault.ts";

const remedies: TlsRemedies = {
  authority: "?ca=/path/to/ca.pem",
  client: "?cert=/path/to/client.pem",
  encrypted: "write tls:",
  plain: "write plain:",
};
const thrown = (code: string, more: object = {}): Error => Object.assign(new Error("as said\n"), { code, ...more });

test.each<[code: string, says: string]>([
  [
    "CERT_HAS_EXPIRED",
    "the certificate of the server has expired; renew it, or correct the clock of this machine if it is ahead",
  ],
  [
    "CERT_NOT_YET_VALID",
    "the certificate of the server is not valid yet; correct the clock of this machine, which may be behind",
  ],
  [
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "the certificate of the server cannot be verified (as said); name its authority: ?ca=/path/to/ca.pem",
  ],
  [
    "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "the server asks for a client certificate; name one and its key: ?cert=/path/to/client.pem",
  ],
  [
    "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA",
    "the server refuses the client certificate (as said); name one that has not expired, of an authority that the server trusts",
  ],
  [
    "ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED",
    "the server refuses the client certificate (as said); name one that has not expired, of an authority that the server trusts",
  ],
  [
    "ERR_OSSL_PEM_NO_START_LINE",
    "a file of TLS cannot be used (as said); name PEM files, and the key that belongs to the certificate",
  ],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "the server speaks no TLS on this port; write plain:, or name its port for TLS"],
])("%s is said in one sentence", (code, says) => {
  expect(tlsFault(thrown(code), remedies)).toBe(says);
});

test("a wrong name is said with the names that the certificate has, where the error has them", () => {
  const certificate = { cert: { subjectaltname: "DNS:a.example, DNS:b.example" }, host: "10.0.0.1" };
  expect(tlsFault(thrown("ERR_TLS_CERT_ALTNAME_INVALID", certificate), { ...remedies, otherName: "accept any" })).toBe(
    "the certificate of the server is for DNS:a.example, DNS:b.example, not for 10.0.0.1; write a host that it names, or accept any",
  );
  expect(tlsFault(thrown("ERR_TLS_CERT_ALTNAME_INVALID"), remedies)).toBe(
    "the certificate of the server is for another host; write a host that it names",
  );
});

test("OpenSSL's own words are told without its file names and numbers", () => {
  const error = thrown("ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", { reason: "tlsv1 alert unknown ca" });
  expect(tlsFault(error, remedies)).toContain("(tlsv1 alert unknown ca)");
});

test("an error that is none of TLS is left to the backend", () => {
  for (const code of ["ECONNREFUSED", "ENOTFOUND", "28P01", ""]) expect(tlsFault(thrown(code), remedies)).toBeNull();
  expect(tlsFault(null, remedies)).toBeNull();
});

test("a connection that the server closed at once says what to try, and another error says nothing", () => {
  expect(closedAtOpening(thrown("ECONNRESET"), false, remedies)).toBe("; if the server takes TLS alone, write tls:");
  expect(closedAtOpening(thrown("ECONNRESET"), true, remedies)).toContain("asks for a client certificate");
  expect(closedAtOpening(thrown("ECONNREFUSED"), false, remedies)).toBe("");
});
