import { errorMessage, WaybillError } from "@waybill/core";
import { errorCode } from "@waybill/core/endpoint";
import { type SmallResponse, sendSmall } from "./small-request.ts";

/** One item of the instance metadata. */
export type MetadataItem =
  | { readonly kind: "found"; readonly text: string }
  /** The service has no such item: 404. */
  | { readonly kind: "absent" }
  /** Nothing is known: no response, or one that is not the service's. */
  | { readonly kind: "failed"; readonly message: string };

/** The instance metadata service of EC2, version 2. */
export interface InstanceMetadata {
  /** Reads an item below `/latest/meta-data/`. `signal` ends the request; omitted, only its limit of 1 s does. Never rejects. */
  read(path: string, signal?: AbortSignal): Promise<MetadataItem>;
}

/** As the AWS SDKs: the address, unless AWS_EC2_METADATA_SERVICE_ENDPOINT names another. */
const ADDRESS = "http://169.254.169.254";
const REQUEST_MS = 1_000;
/** The longest that the service grants. */
const TOKEN_SECONDS = 21_600;
const RENEW_MS = (TOKEN_SECONDS * 1_000) / 2;

/**
 * Opens the metadata service. Makes no request yet. Returns null if AWS_EC2_METADATA_DISABLED is "true". Throws
 * `CONFIG_INVALID` for an address that is no http URL.
 */
export function openMetadata(endpoint: string | undefined): InstanceMetadata | null {
  if (process.env["AWS_EC2_METADATA_DISABLED"]?.toLowerCase() === "true") return null;
  const address = endpoint ?? (process.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] || ADDRESS);
  if (URL.parse(address)?.protocol !== "http:") {
    const message = `"${address}" is no address of the instance metadata service: pass a URL such as ${ADDRESS}`;
    throw new WaybillError("CONFIG_INVALID", message);
  }
  let token: { readonly text: string; readonly renewAt: number } | null = null;

  async function currentToken(signal: AbortSignal): Promise<string> {
    if (token !== null && performance.now() < token.renewAt) return token.text;
    const headers = { "x-aws-ec2-metadata-token-ttl-seconds": String(TOKEN_SECONDS) };
    const url = new URL("/latest/api/token", address);
    const { status, body } = await sendSmall({ url, method: "PUT", headers, timeoutMs: REQUEST_MS, signal });
    if (status !== 200) throw new Error(`the request for a token got ${status}`);
    if (!/^[\x21-\x7e]{1,1024}$/.test(body)) throw new Error("the response is no token");
    token = { text: body, renewAt: performance.now() + RENEW_MS };
    return body;
  }

  async function get(path: string, signal: AbortSignal): Promise<SmallResponse> {
    const headers = { "x-aws-ec2-metadata-token": await currentToken(signal) };
    const url = new URL(`/latest/meta-data/${path}`, address);
    return sendSmall({ url, method: "GET", headers, timeoutMs: REQUEST_MS, signal });
  }

  return {
    async read(path, signal = new AbortController().signal) {
      try {
        let response = await get(path, signal);
        // The token has expired, or is one of an earlier boot of the instance.
        if (response.status === 401) {
          token = null;
          response = await get(path, signal);
        }
        if (response.status === 404) return { kind: "absent" };
        if (response.status !== 200) return { kind: "failed", message: `${path} got ${response.status}` };
        return { kind: "found", text: response.body.trim() };
      } catch (thrown) {
        const code = errorCode(thrown);
        return { kind: "failed", message: /^E[A-Z]+$/.test(code) ? code : errorMessage(thrown) };
      }
    },
  };
}
