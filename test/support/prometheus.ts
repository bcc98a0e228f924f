import { need, promtool, pythonWithPrometheus } from "./requirements.ts";

/** What promtool, and the parsers of Prometheus' own Python library, have against what `/metrics` shows: nothing, if it is well. */
export async function faultsInMetrics(text: string, openMetrics: string): Promise<string> {
  const parse = `import sys
from prometheus_client import parser
from prometheus_client.openmetrics import parser as open_parser
text, open_metrics = sys.stdin.read().split("\\0")
one = {s.name for f in parser.text_string_to_metric_families(text) for s in f.samples}
other = {s.name for f in open_parser.text_string_to_metric_families(open_metrics) for s in f.samples}
if len(one) < 10: print("only", len(one), "samples")
if one != other: print("not in both:", sorted(one ^ other))
`;
  const [linted, parsed] = await Promise.all([
    heardFrom([need(promtool), "check", "metrics"], text),
    heardFrom([need(pythonWithPrometheus), "-c", parse], `${text}\0${openMetrics}`),
  ]);
  return linted + parsed;
}

async function heardFrom(command: readonly string[], input: string): Promise<string> {
  const child = Bun.spawn([...command], {
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  const code = await child.exited;
  return code === 0 ? out + err : `${command[0]} ended with ${code}\n${out}${err}`;
}
