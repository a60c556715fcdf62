import type { MessageAttributeValue } from "@aws-sdk/client-sqs";

export type Attributes = Readonly<Record<string, MessageAttributeValue>>;

/** As SQS has it: 10 attributes a message. */
export const MOST_ATTRIBUTES = 10;

/**
 * Why SQS, or a proxy on the way of a pushed message, would refuse or drop this attribute; null if neither does.
 * SQS takes `_` and `.` as well, but nginx drops headers so named without a word, and attributes become headers there.
 */
export function attributeFault(name: string, value: string): string | null {
  if (!/^[A-Za-z0-9-]{1,256}$/.test(name)) {
    return "has a name that is lost on the way through some proxies; use letters, digits and hyphens";
  }
  if (/^(aws|amazon)/i.test(name)) return "begins as those of AWS do, which SQS refuses; name it otherwise";
  if (/^(waybill|webhook)-/i.test(name)) return "begins as those of waybill do; name it otherwise";
  if (value === "") return "is empty, which SQS refuses; leave it out";
  return isPlain(value) ? null : "holds characters that SQS refuses; use printable ones";
}

/**
 * Whether SQS, and every copy of it, takes this text as it is: XML 1.0 without the characters beyond U+FFFD, which
 * AWS takes and some copies refuse.
 */
export function isPlain(text: string): boolean {
  return !/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD]/.test(text);
}

/** Those that hold text, by name. Any program may have sent others: bytes are none, and count as absent. */
export function textsOf(attributes: Attributes): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const [name, { StringValue }] of Object.entries(attributes)) {
    if (typeof StringValue === "string") texts.set(name, StringValue);
  }
  return texts;
}

export function textAttribute(value: string): MessageAttributeValue {
  return { DataType: "String", StringValue: value };
}

/** What SQS counts against its limit: body, and name, type and value of each attribute, in bytes. */
export function sizeOf(text: string, attributes: Attributes): number {
  let bytes = Buffer.byteLength(text);
  for (const [name, { DataType = "", StringValue, BinaryValue }] of Object.entries(attributes)) {
    const value = StringValue === undefined ? (BinaryValue?.byteLength ?? 0) : Buffer.byteLength(StringValue);
    bytes += Buffer.byteLength(name) + Buffer.byteLength(DataType) + value;
  }
  return bytes;
}
