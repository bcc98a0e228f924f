/** `1,308,000`, `3.84`, `0.612`: at least three significant digits. */
export function figure(value: number): string {
  const rounded = Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(3));
  return rounded.toLocaleString("en-US", { maximumFractionDigits: 3 });
}
