import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

export interface Certified {
  readonly pem: string;
  readonly key: KeyObject;
}

export interface CertificateSettings {
  /** Default "sns.amazonaws.com". */
  readonly commonName?: string;
  readonly alternativeName?: string;
  readonly validFrom?: Date;
  readonly validTo?: Date;
  /** Default a fresh one of 2,048 bits. */
  readonly key?: KeyObject;
  readonly isCa?: boolean;
  /** Who signs it; absent: itself. */
  readonly issuer?: Certified & { readonly commonName: string };
}

const DAY_MS = 86_400_000;

/** An X.509 certificate, written by hand: Node reads them and makes none. */
export function certificate(settings: CertificateSettings = {}): Certified {
  const { commonName = "sns.amazonaws.com", alternativeName, key = rsaKey(), isCa = false, issuer } = settings;
  const { validFrom = new Date(Date.now() - DAY_MS), validTo = new Date(Date.now() + DAY_MS) } = settings;
  const algorithm = sequence(oid("2a864886f70d01010b"), tlv(0x05));
  const extensions = [
    ...(isCa ? [sequence(oid("551d13"), tlv(0x04, sequence(tlv(0x01, Buffer.from([0xff])))))] : []),
    ...(alternativeName === undefined
      ? []
      : [sequence(oid("551d11"), tlv(0x04, sequence(tlv(0x82, Buffer.from(alternativeName)))))]),
  ];
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, Buffer.from([1])),
    algorithm,
    name(issuer?.commonName ?? commonName),
    sequence(time(validFrom), time(validTo)),
    name(commonName),
    createPublicKey(key).export({ type: "spki", format: "der" }),
    ...(extensions.length === 0 ? [] : [tlv(0xa3, sequence(...extensions))]),
  );
  const signature = sign("sha256", body, issuer?.key ?? key);
  const der = sequence(body, algorithm, tlv(0x03, Buffer.from([0]), signature));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  const pem = `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
  return { pem, key };
}

export function rsaKey(modulusLength = 2_048): KeyObject {
  return generateKeyPairSync("rsa", { modulusLength }).privateKey;
}

/** Tag, length, value: all that DER is. */
function tlv(tag: number, ...parts: Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  if (value.length < 0x80) return Buffer.concat([Buffer.from([tag, value.length]), value]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  const significant = length.subarray(length.findIndex((byte) => byte !== 0));
  return Buffer.concat([Buffer.from([tag, 0x80 | significant.length]), significant, value]);
}

const sequence = (...parts: Buffer[]): Buffer => tlv(0x30, ...parts);
const oid = (hex: string): Buffer => tlv(0x06, Buffer.from(hex, "hex"));
const name = (commonName: string): Buffer =>
  sequence(tlv(0x31, sequence(oid("550403"), tlv(0x0c, Buffer.from(commonName)))));

/** "20261122191355Z" */
const time = (at: Date): Buffer => tlv(0x18, Buffer.from(`${at.toISOString().replace(/[-:T]|\..*/g, "")}Z`));
