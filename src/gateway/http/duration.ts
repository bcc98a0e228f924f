const unitMs = { ms: 1, s: 1000, m: 60_000 } as const;

/** A time such as `20s`, `500ms` or `1m`, in milliseconds; a bare number is seconds. Undefined if it is none, or longer than `mostMs`. */
export function timeIn(text: string, mostMs: number): number | undefined {
  const [, digits, unit = "s"] = /^(\d{1,9})(ms|s|m)?$/.exec(text) ?? [];
  const ms = Number(digits) * unitMs[unit as keyof typeof unitMs];
  return ms <= mostMs ? ms : undefined;
}
