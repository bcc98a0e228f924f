/**
 * OTLP's JSON, as `opentelemetry/proto/collector/trace/v1` and the protocol's rules for JSON have it: names in lowerCamelCase, ids as
 * hexadecimal digits, integers of 64 bits as texts, enumerations as numbers. What is in no table here is in no message of the protocol.
 */

type Check = (value: unknown) => boolean;
type Kind = Check | keyof typeof messages | readonly [keyof typeof messages];

const isText: Check = (value) => typeof value === "string";
const isCount: Check = (value) =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32;
const isNanoseconds: Check = (value) => typeof value === "string" && /^[1-9]\d{0,19}$/.test(value);
const isHex = (digits: number): Check => {
  return (value) =>
    typeof value === "string" && new RegExp(`^[0-9a-f]{${digits}}$`).test(value) && !/^0+$/.test(value);
};
const isOneOf = (last: number): Check => {
  return (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= last;
};

const messages = {
  request: { resourceSpans: ["resourceSpans"] },
  resourceSpans: { resource: "resource", scopeSpans: ["scopeSpans"], schemaUrl: isText },
  resource: { attributes: ["keyValue"], droppedAttributesCount: isCount },
  scopeSpans: { scope: "scope", spans: ["span"], schemaUrl: isText },
  scope: { name: isText, version: isText, attributes: ["keyValue"], droppedAttributesCount: isCount },
  span: {
    traceId: isHex(32),
    spanId: isHex(16),
    parentSpanId: isHex(16),
    traceState: isText,
    flags: isCount,
    name: isText,
    kind: isOneOf(5),
    startTimeUnixNano: isNanoseconds,
    endTimeUnixNano: isNanoseconds,
    attributes: ["keyValue"],
    droppedAttributesCount: isCount,
    status: "status",
  },
  status: { code: isOneOf(2), message: isText },
  keyValue: { key: isText, value: "anyValue" },
  anyValue: { stringValue: isText, boolValue: (value: unknown) => typeof value === "boolean" },
} as const satisfies Record<string, Readonly<Record<string, unknown>>>;

/** The required fields. */
const needed: Readonly<Partial<Record<keyof typeof messages, readonly string[]>>> = {
  request: ["resourceSpans"],
  span: ["traceId", "spanId", "name", "startTimeUnixNano", "endTimeUnixNano"],
  keyValue: ["key", "value"],
};

/** Why this is not a valid export of traces; empty if it is. */
export function faultsInExport(
  value: unknown,
  message: keyof typeof messages = "request",
  path = "request",
): readonly string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [`${path} is no object`];
  const fields: Readonly<Record<string, Kind>> = messages[message];
  const faults = (needed[message] ?? []).flatMap((name) => (name in value ? [] : [`${path} has no ${name}`]));
  for (const [name, part] of Object.entries(value)) {
    const kind = fields[name];
    const at = `${path}.${name}`;
    if (kind === undefined) faults.push(`there is no ${at}`);
    else if (typeof kind === "function") {
      if (!kind(part)) faults.push(`${at} cannot be ${JSON.stringify(part)}`);
    } else if (typeof kind === "string") faults.push(...faultsInExport(part, kind, at));
    else if (Array.isArray(part))
      faults.push(...part.flatMap((each, index) => faultsInExport(each, kind[0], `${at}[${index}]`)));
    else faults.push(`${at} is no list`);
  }
  return faults;
}
