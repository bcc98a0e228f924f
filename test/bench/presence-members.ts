/**
 * `bun presence-members.ts CLIENTS RATE URL…`: opens so many plain-text clients on the topic `room`, over all managers, says how many there
 * are, and keeps them until it is killed. With a RATE, so many a second go and are replaced by others.
 */
const [clients, rate, ...urls] = process.argv.slice(2);
const atATime = 200;
const everyMs = 20;

let number = 0;
const sockets: WebSocket[] = [];

function open(): Promise<void> {
  const n = number++;
  const url = `${urls[n % urls.length]}ws/member-${process.pid}-${n}?topic=room`;
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.onopen = () => {
      sockets.push(socket);
      resolve();
    };
    socket.onerror = () => reject(new Error(`no connection to ${url}`));
  });
}

while (sockets.length < Number(clients))
  await Promise.all(Array.from({ length: Math.min(atATime, Number(clients) - sockets.length) }, open));
process.stdout.write(`${sockets.length}\n`);
let due = 0;
setInterval(() => {
  // One goes and one comes: two changes.
  for (due += (Number(rate) / 2 / 1000) * everyMs; due >= 1; due--) {
    sockets.shift()?.close();
    void open();
  }
}, everyMs);

export {};
