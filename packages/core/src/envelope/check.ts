import { refuse } from "./envelope-code.ts";
import {
  arrayRule,
  booleanRule,
  closedRule,
  durationRule,
  type Fields,
  idRule,
  integerRule,
  listRule,
  membersOf,
  numberRule,
  oneOfRule,
  present,
  queueRule,
  requireField,
  stringRule,
  timestampRule,
  typeRule,
  uriReferenceRule,
  uriRule,
} from "./field-rules.ts";
import { checkMetaSize, metaRule } from "./meta-rule.ts";
import { parseTimestamp } from "./timestamp.ts";

const RETRY = membersOf("/retry", {
  max_attempts: integerRule(1, 100),
  initial_interval: durationRule,
  backoff_coefficient: numberRule(1),
  max_interval: durationRule,
  jitter: booleanRule,
  non_retryable_errors: listRule(0, 100, stringRule(255)),
  on_exhaustion: oneOfRule("dead_letter", "discard"),
});

const DEDUPE = membersOf("/dedupe", {
  key: stringRule(255),
  until: oneOfRule("start"),
  for: durationRule,
  on_conflict: oneOfRule("reject", "ignore", "replace"),
});

const FIELDS = membersOf("", {
  spec: specRule,
  id: idRule,
  type: typeRule,
  queue: queueRule,
  args: arrayRule,
  created_at: timestampRule,
  source: uriReferenceRule,
  scheduled_at: timestampRule,
  expires_at: timestampRule,
  priority: integerRule(-100, 100),
  timeout: integerRule(1, 604_800),
  retry: closedRule(RETRY),
  dedupe: closedRule(DEDUPE, ["key"]),
  schema: uriRule,
  meta: metaRule,
  crit: listRule(1, 32, stringRule(64)),
  specversion: oneOfRule("1.0"),
});

/**
 * Validates the fields of an envelope, but not its text. `length` is the body's, in UTF-16 units. Throws
 * `EnvelopeError` with the spec's code and a pointer to the invalid member.
 */
export function checkEnvelope(fields: object, length: number): void {
  checkFields(fields as Fields);
  if (Object.hasOwn(fields, "meta")) checkMetaSize((fields as Fields)["meta"] as Fields, length);
}

function checkFields(fields: Fields): void {
  // The version comes first, since the meaning of the other fields depends on it.
  requireField(fields, "spec", "");
  specRule(fields["spec"], "/spec");
  requireField(fields, "id", "");
  requireField(fields, "type", "");
  requireField(fields, "args", "");
  for (const name of Object.keys(fields)) {
    const field = FIELDS.get(name);
    if (field === undefined) continue;
    const value = fields[name];
    present(value, field.pointer);
    field.rule(value, field.pointer);
  }
  if (Object.hasOwn(fields, "expires_at")) checkExpiry(fields);
  if (Object.hasOwn(fields, "dedupe")) checkDedupe(fields["dedupe"] as Fields);
  if (Object.hasOwn(fields, "crit")) checkCrit(fields);
}

function specRule(value: unknown, pointer: string): void {
  if (value === "waybill/1") return;
  present(value, pointer);
  if (typeof value !== "string") refuse("FIELD_TYPE", pointer, 'write "waybill/1"');
  if (/^waybill\/[1-9]\d*$/.test(value)) {
    refuse("SPEC_UNSUPPORTED", pointer, `${value.slice(0, 40)} is not supported, waybill/1 is; use a newer worker`);
  }
  refuse("SPEC_INVALID", pointer, 'not a version of this format; write "waybill/1"');
}

function checkExpiry(fields: Fields): void {
  if (!Object.hasOwn(fields, "scheduled_at")) return;
  if (parseTimestamp(fields["expires_at"] as string) <= parseTimestamp(fields["scheduled_at"] as string)) {
    refuse("EXPIRY_ORDER", "/expires_at", "not later than scheduled_at, so the job could never run");
  }
}

function checkDedupe(dedupe: Fields): void {
  if (Object.hasOwn(dedupe, "until") && Object.hasOwn(dedupe, "for")) {
    refuse(
      "FIELD_EXCLUSIVE",
      "/dedupe/for",
      "the key is taken either until the start or for a time; keep one of the two",
    );
  }
}

function checkCrit(fields: Fields): void {
  const names = fields["crit"] as readonly string[];
  for (const [index, name] of names.entries()) {
    const pointer = `/crit/${index}`;
    if (names.indexOf(name) !== index) refuse("CRIT_INVALID", pointer, "named twice");
    if (!Object.hasOwn(fields, name)) refuse("CRIT_INVALID", pointer, "names a field the envelope does not have");
    if (!FIELDS.has(name))
      refuse("CRIT_UNSUPPORTED", pointer, `"${name}" must be understood, and this reader does not know it`);
  }
}
