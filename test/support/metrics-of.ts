/** The values of `/metrics`, by name. */
export async function metricsOf(url: URL): Promise<Record<string, number>> {
  const text = await (await fetch(new URL("/metrics", url))).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(
    lines.map((line) => line.split(" ")).map(([name, value]) => [name!, Number(value)]),
  );
}
