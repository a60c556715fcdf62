import type { MessageAttributeValue } from "@aws-sdk/client-sqs";

export type Attributes = Readonly<Record<string, MessageAttributeValue>>;

/** The limit of SQS for one message. */
export const MOST_ATTRIBUTES = 10;

/**
 * Returns why SQS would refuse the user's attribute, or why it could be dropped on the way; null if neither. SQS accepts
 * `_` and `.` in names, but attributes become headers of pushed messages, and nginx drops headers with those.
 */
export function attributeFault(name: string, value: string): string | null {
  if (!/^[A-Za-z0-9-]{1,256}$/.test(name)) {
    return "has a name that some proxies drop; use letters, digits and hyphens";
  }
  if (/^(aws|amazon)/i.test(name)) return "begins like those of AWS, which SQS refuses; rename it";
  if (/^(waybill|webhook)-/i.test(name)) return "begins like those of waybill; rename it";
  if (value === "") return "is empty, which SQS refuses; leave it out";
  return isPlain(value) ? null : "has characters that SQS refuses; use printable ones";
}

/** Whether SQS and its copies accept the text: XML 1.0, without characters beyond U+FFFD, which some copies refuse. */
export const isPlain = (text: string): boolean => !/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD]/.test(text);

/** Returns the attributes that hold text, by name. Other programs may send bytes, which count as absent. */
export function textsOf(attributes: Attributes): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const [name, { StringValue }] of Object.entries(attributes)) {
    if (typeof StringValue === "string") texts.set(name, StringValue);
  }
  return texts;
}

export const textAttribute = (value: string): MessageAttributeValue => ({ DataType: "String", StringValue: value });

/** Returns the size that SQS counts, in bytes: the body, and name, type and value of each attribute. */
export function sizeOf(text: string, attributes: Attributes): number {
  let bytes = Buffer.byteLength(text);
  for (const [name, { DataType = "", StringValue, BinaryValue }] of Object.entries(attributes)) {
    const value = StringValue === undefined ? (BinaryValue?.byteLength ?? 0) : Buffer.byteLength(StringValue);
    bytes += Buffer.byteLength(name) + Buffer.byteLength(DataType) + value;
  }
  return bytes;
}
