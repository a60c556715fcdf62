import { errorMessage } from "@waybill/core";
import { type KeyObject, X509Certificate } from "node:crypto";
import { forbidden, PushRefused } from "../../push/push-refused.ts";

/** Returns a certificate as PEM text, or null if the URL has none. Rejects if it could not be fetched. */
export type CertificateFetch = (url: string) => Promise<string | null>;

/** Limits concurrent fetches: a request that names a topic can ask for any number of certificates that do not exist. */
const MAX_FETCHES = 8;
/** Certificates kept. A topic's region has one or two at a time. */
const MAX_KEPT = 16;
const MAX_BYTES = 65_536;

/**
 * Returns a function from a certificate's URL to its public key. Fetches each certificate once. Rejects `PushRefused`: 403
 * for a certificate that does not exist or is not one of SNS's, 503 if it could not be fetched.
 */
export function signingKeys(fetchPem: CertificateFetch): (url: string) => Promise<KeyObject> {
  const kept = new Map<string, X509Certificate>();
  const coming = new Map<string, Promise<X509Certificate>>();

  async function load(url: string): Promise<X509Certificate> {
    const pem = await fetchPem(url).catch((thrown: unknown) => {
      throw unavailable(errorMessage(thrown));
    });
    if (pem === null) throw forbidden("there is no such certificate");
    const leaf = leafOf(certificatesIn(pem));
    const [oldest] = kept.keys();
    if (kept.size >= MAX_KEPT && oldest !== undefined) kept.delete(oldest);
    kept.set(url, leaf);
    return leaf;
  }

  /** Keeps neither failures nor forged certificates. */
  function fetched(url: string): Promise<X509Certificate> {
    const same = coming.get(url);
    if (same !== undefined) return same;
    if (coming.size >= MAX_FETCHES) throw unavailable(`${coming.size} others are being fetched`);
    const loading = load(url).finally(() => coming.delete(url));
    coming.set(url, loading);
    return loading;
  }

  return async (url) => {
    const leaf = kept.get(url) ?? (await fetched(url));
    if (!isValidNow(leaf)) throw forbidden("its certificate is not valid at this time");
    return leaf.publicKey;
  };
}

/** Fetches over HTTPS, which authenticates the host and so the certificate: its issuers are not included. */
export async function fetchCertificate(url: string): Promise<string | null> {
  const response = await fetch(url, { redirect: "error", signal: AbortSignal.timeout(5_000) });
  if (response.status === 403 || response.status === 404) return null;
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const length = Number(response.headers.get("content-length") ?? 0);
  if (length > MAX_BYTES) throw new Error(`${url} is no certificate: it has ${length} bytes`);
  return response.text();
}

/** Throws 503 for text without certificates: a proxy may have sent it. */
function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.slice(0, MAX_BYTES).match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    if (blocks.length > 0) return blocks.map((block) => new X509Certificate(block));
  } catch (thrown) {
    throw unavailable(errorMessage(thrown));
  }
  throw unavailable("the text is no PEM");
}

/** Returns the first certificate. Throws 403 unless it is SNS's, has a strong key, and each is signed by the next one. */
function leafOf(chain: readonly X509Certificate[]): X509Certificate {
  const [leaf] = chain;
  if (leaf === undefined || !namesOf(leaf).some((name) => SNS_NAME.test(name))) {
    throw forbidden("its certificate is not one of SNS");
  }
  const { asymmetricKeyType, asymmetricKeyDetails } = leaf.publicKey;
  if (asymmetricKeyType !== "rsa" || (asymmetricKeyDetails?.modulusLength ?? 0) < 2_048) {
    throw forbidden("its certificate has a weak key");
  }
  const isSigned = chain.every((one, at) => {
    const issuer = chain[at + 1];
    return issuer === undefined || (issuer.ca && one.checkIssued(issuer) && one.verify(issuer.publicKey));
  });
  if (!isSigned) throw forbidden("its certificate is not signed by the one after it");
  return leaf;
}

/** Names that SNS uses: "sns.amazonaws.com", "sns-signing.eu-south-1.amazonaws.com", "sns-cn-north-1.amazonaws.com.cn". */
const SNS_NAME = /^sns([.-][a-z0-9-]+){0,2}\.amazonaws\.(com|com\.cn|eu)$/;

function namesOf({ subject, subjectAltName }: X509Certificate): string[] {
  const common = subject.split("\n").filter((line) => line.startsWith("CN="));
  const alternative = (subjectAltName ?? "").split(", ").filter((name) => name.startsWith("DNS:"));
  return [...common.map((line) => line.slice(3)), ...alternative.map((name) => name.slice(4))];
}

function isValidNow({ validFromDate, validToDate }: X509Certificate): boolean {
  const now = Date.now();
  return now >= validFromDate.getTime() && now <= validToDate.getTime();
}

function unavailable(why: string): PushRefused {
  return new PushRefused(503, "KEYS_UNAVAILABLE", `its certificate could not be fetched: ${why}`);
}
