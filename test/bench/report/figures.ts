/** `1,308,000`, `3.84`, `0.612`: three digits that matter, and never a cut-off thousand. */
export function figure(value: number): string {
  const rounded = Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(3));
  return rounded.toLocaleString("en-US", { maximumFractionDigits: 3 });
}
