/** Milliseconds of each unit in which times are said. */
export const msPerUnit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A time in a request, such as `20s`, `500ms` or `30d`, in milliseconds; a bare number is seconds. Undefined if it is none, or longer than `mostMs`. */
export function timeIn(text: string, mostMs: number): number | undefined {
  const [, digits, unit = "s"] = /^(\d{1,9})(ms|s|m|h|d)?$/.exec(text) ?? [];
  const ms = Number(digits) * msPerUnit[unit as keyof typeof msPerUnit];
  return ms <= mostMs ? ms : undefined;
}
