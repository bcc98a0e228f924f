/**
 * `bun connecting.ts CLIENTS RATE WARM-UP ROUNDS PID=URL PID=URL…`: in each round CLIENTS plain-text clients connect to each of the managers, one
 * manager after the other, RATE a second or, with 0, as fast as they are let in. Prints as JSON what a connection took each manager in CPU time
 * and by the clock in each round, in microseconds. The first WARM-UP rounds, in which the managers compile what they run, do not count.
 */
import { Handshake } from "../../../src/bench/handshake.ts";
import { cpuSeconds, untilCalm } from "../systems/usage.ts";
import { givenManagers } from "./given-managers.ts";

const [clients, rate, warmUpRounds, rounds] = process.argv.slice(2, 6).map(Number) as [
  number,
  number,
  number,
  number,
];
const managers = givenManagers(process.argv.slice(6));

const atOnce = 32;
/** By then the manager has done all the work for its clients. */
const calm = { share: 0.03, ms: 100, msMax: 5000 };

/** Resolves when the manager has admitted the client. */
async function connect(url: URL): Promise<Bun.Socket> {
  const handshake = new Handshake(url, undefined);
  const opened = Promise.withResolvers<void>();
  let head = Buffer.alloc(0);
  let isOpen = false;
  const socket = await Bun.connect({
    hostname: url.hostname,
    port: Number(url.port),
    socket: {
      open: (own) => void own.write(handshake.request),
      data(_, bytes) {
        if (isOpen) return;
        head = Buffer.concat([head, bytes]);
        try {
          isOpen = handshake.framesBegin(head) !== undefined;
        } catch (error) {
          opened.reject(error);
        }
        if (isOpen) opened.resolve();
      },
      close: () => opened.reject(new Error("a client was closed")),
    },
  });
  await opened.promise;
  return socket;
}

async function round({ pid, url }: (typeof managers)[number]): Promise<{ cpuUs: number; wallUs: number }> {
  await untilCalm(() => cpuSeconds(pid), calm);
  const cpu = cpuSeconds(pid);
  const startMs = performance.now();
  const sockets: Bun.Socket[] = [];
  let begun = 0;
  const come = async () => {
    while (begun < clients) {
      const n = begun++;
      if (rate > 0) await Bun.sleep(Math.max(0, startMs + (n / rate) * 1000 - performance.now()));
      sockets.push(await connect(new URL(`ws/c-${n}?topic=t-${n % 100}`, url)));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, come));
  const wallMs = performance.now() - startMs;
  await untilCalm(() => cpuSeconds(pid), calm);
  const cpuUs = ((cpuSeconds(pid) - cpu) / clients) * 1e6;
  for (const socket of sockets) socket.terminate();
  await untilCalm(() => cpuSeconds(pid), calm);
  return { cpuUs, wallUs: (wallMs / clients) * 1000 };
}

const seen = managers.map(() => ({ cpuUs: [] as number[], wallUs: [] as number[] }));
for (let n = 0; n < warmUpRounds + rounds; n++)
  for (let place = 0; place < managers.length; place++) {
    const which = (place + n) % managers.length;
    const { cpuUs, wallUs } = await round(managers[which]!);
    if (n < warmUpRounds) continue;
    seen[which]!.cpuUs.push(cpuUs);
    seen[which]!.wallUs.push(wallUs);
  }
process.stdout.write(`${JSON.stringify(seen)}\n`);
process.exit();
