/** For the processes of the benchmark: the caller's own WARREN_ variables would change what is measured. */
export function withoutWarren(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("WARREN_")));
}
