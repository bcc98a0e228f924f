import { elementOf } from "../view/element.ts";
import { Api } from "./state/api.ts";
import { Watch } from "./state/watch.ts";
import { inShort, inTime } from "./state/words.ts";
import { BrokerView } from "./view/broker-view.ts";
import { Chart } from "./view/chart.ts";
import { ClientsView } from "./view/clients-view.ts";
import { LettersView } from "./view/letters-view.ts";
import { ManagersView } from "./view/managers-view.ts";
import { TokenView } from "./view/token-view.ts";
import { TopicsView } from "./view/topics-view.ts";

/** How often managers are asked, in milliseconds. */
const everyMs = 2000;
/** Clients are asked for in every third of these rounds. */
const clientsEvery = 3;

const api = new Api();
const watch = new Watch(api);
const figure = (id: string) => elementOf(id, HTMLElement);
const charts = [
  new Chart(
    figure("chart-rates"),
    "Messages a second",
    [
      { name: "from clients", series: watch.sent },
      { name: "to clients", series: watch.delivered },
    ],
    inShort,
  ),
  new Chart(figure("chart-clients"), "Clients", [{ name: "connected", series: watch.clients }], inShort),
  new Chart(
    figure("chart-times"),
    "Latency, 99th percentile",
    [
      { name: "confirm", series: watch.confirmed },
      { name: "deliver", series: watch.handedOut },
      { name: "handle", series: watch.handled },
    ],
    inTime,
  ),
];
const clients = new ClientsView(api);
const views = [
  new TokenView(api, watch, () => void look()),
  new ManagersView(watch),
  new TopicsView(watch),
  new BrokerView(watch),
];
new LettersView(api);

let looks = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
let isLooking = false;

async function look(): Promise<void> {
  if (isLooking) return;
  isLooking = true;
  clearTimeout(timer);
  try {
    await lookAndDraw();
  } finally {
    isLooking = false;
    plan();
  }
}

async function lookAndDraw(): Promise<void> {
  const before = watch.api;
  await watch.look(() => performance.now());
  for (const view of views) view.draw();
  for (const chart of charts) chart.draw(performance.now());
  if (looks++ % clientsEvery === 0 || (before === "locked") !== (watch.api === "locked"))
    await clients.look();
}

/** Asks nothing while the page is hidden. */
function plan(): void {
  clearTimeout(timer);
  if (document.visibilityState === "visible") timer = setTimeout(() => void look(), everyMs);
}

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") void look();
});
await look();
