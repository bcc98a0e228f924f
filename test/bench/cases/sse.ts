import { inFewRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import { runDriver } from "../systems/driver.ts";
import { type Managed, startManagers } from "../systems/managers.ts";
import { startNchan } from "../systems/nchan.ts";

const clients = 1000;
const seconds = 5;

interface Seen {
  readonly deliveries: number;
  readonly cpuUs: number;
  readonly missing: number;
}

/** One publisher, as fast as its listeners hear it: server-sent events of Warren, which all come through the log, of nchan, which keeps them in memory, and STOMP live. */
export const sse: Case = {
  name: "sse",
  what: "deliveries a second to 1,000 clients: server-sent events beside STOMP and nchan's EventSource",
  isQuick: false,
  async run(setting) {
    const turns = await inFewRounds(
      setting,
      "sse",
      new Map([
        ["warren", () => warrenTurn(setting, "sse")],
        ["warren STOMP", () => warrenTurn(setting, "stomp")],
        ["nchan", nchanTurn],
      ]),
    );
    const title = `Server-sent events to ${clients.toLocaleString("en-US")} clients, one publisher`;
    return [
      { name: "sse", title, unit: "deliveries/s", series: seriesOf(turns, "deliveries/s") },
      {
        name: "sse-cpu",
        title: "The same: CPU time of the server",
        unit: "µs a delivery",
        series: seriesOf(turns, "µs a delivery"),
      },
    ];
  },
};

async function warrenTurn({ broker }: Setting, kind: "sse" | "stomp") {
  const managers = await startManagers(broker, 1);
  const [manager] = managers.each as [Managed];
  try {
    const listen =
      kind === "sse" ? new URL("/topics/bench", manager.url).href : manager.url.replace(/\/?$/, "/ws");
    return await measured(manager.pid, [kind, listen, manager.wsUrl("/ws?topic=bench")]);
  } finally {
    await managers.stop();
  }
}

async function nchanTurn() {
  const nchan = await startNchan();
  try {
    return await measured(nchan.pid, [
      "sse",
      new URL("/sub", nchan.url).href,
      new URL("/pub", nchan.url).href.replace(/^http/, "ws"),
    ]);
  } finally {
    await nchan.stop();
  }
}

async function measured(pid: number, args: readonly string[]) {
  const { deliveries, cpuUs, missing } = await runDriver<Seen>("sse.ts", [...args, clients, seconds, pid]);
  if (missing > 0) throw new Error(`${missing} deliveries did not come`);
  return { "deliveries/s": deliveries, "µs a delivery": cpuUs };
}
