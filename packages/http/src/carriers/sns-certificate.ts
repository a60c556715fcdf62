import { errorMessage } from "@waybill/core";
import { type KeyObject, X509Certificate } from "node:crypto";
import { forbidden, PushRefused } from "../problem.ts";

/** Answers a PEM text, or null when there is no such certificate. Rejects when that could not be found out. */
export type CertificateFetch = (url: string) => Promise<string | null>;

/** Fetched at once; whoever knows a topic's name can make us ask for certificates that do not exist. */
const MOST_FETCHING = 8;
/** Kept, of which a topic's region has one or two at a time. */
const MOST_KEPT = 16;
const MOST_BYTES = 65_536;

/**
 * The keys that certificates hold, fetched once each. Rejects `PushRefused`: 403 for a certificate that is not there or
 * not one of SNS's, 503 when it could not be had.
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
    if (kept.size >= MOST_KEPT && oldest !== undefined) kept.delete(oldest);
    kept.set(url, leaf);
    return leaf;
  }

  /** Neither a failure nor a forgery is kept. */
  function fetched(url: string): Promise<X509Certificate> {
    const same = coming.get(url);
    if (same !== undefined) return same;
    if (coming.size >= MOST_FETCHING) throw unavailable(`${coming.size} others are being fetched`);
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

/** Over HTTPS, which vouches for the host and thereby for the certificate: it comes without the ones that signed it. */
export async function fetchCertificate(url: string): Promise<string | null> {
  const response = await fetch(url, { redirect: "error", signal: AbortSignal.timeout(5_000) });
  if (response.status === 403 || response.status === 404) return null;
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const length = Number(response.headers.get("content-length") ?? 0);
  if (length > MOST_BYTES) throw new Error(`${url} is no certificate: it has ${length} bytes`);
  return response.text();
}

/** A text that holds none is no forgery: a proxy on the way says many things. */
function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.slice(0, MOST_BYTES).match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    if (blocks.length > 0) return blocks.map((block) => new X509Certificate(block));
  } catch (thrown) {
    throw unavailable(errorMessage(thrown));
  }
  throw unavailable("what came is no PEM text");
}

/** The first, if all is well with it that does not change with time; each must be signed by the one after it. */
function leafOf(chain: readonly X509Certificate[]): X509Certificate {
  const [leaf] = chain;
  if (leaf === undefined || !namesOf(leaf).some((name) => SNS_NAME.test(name))) {
    throw forbidden("its certificate is not made out to SNS");
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

/** As SNS has them: "sns.amazonaws.com", "sns-signing.eu-south-1.amazonaws.com", "sns-cn-north-1.amazonaws.com.cn". */
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
  return new PushRefused(503, "KEYS_UNAVAILABLE", `its certificate could not be had: ${why}`);
}
