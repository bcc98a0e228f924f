import { clientIdOfTab } from "./session/client-id.ts";
import { Session } from "./session/session.ts";
import { Composer } from "./view/composer.ts";
import { elementOf } from "./view/element.ts";
import { oncePerFrame } from "./view/frame.ts";
import { LogView } from "./view/log-view.ts";
import { StatusView } from "./view/status-view.ts";
import { TopicField } from "./view/topic-field.ts";
import { followViewport } from "./view/viewport.ts";

// Who and where.
const clientId = clientIdOfTab(() => sessionStorage, crypto);
const session = new Session({
  page: location.href,
  clientId,
  changed: () => redraw(),
  surroundings: {
    open: (url) => new WebSocket(url),
    now: () => Date.now(),
    after(ms, run) {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    random: () => Math.random(),
  },
});

// What is seen of it.
const redraw = oncePerFrame(() => {
  statusView.draw();
  logView.draw();
});
const logView = new LogView(session.conversation, redraw);
const statusView = new StatusView(session, redraw);
const composer = new Composer(session, () => logView.followNewest());
new TopicField(session, () => composer.focus());
elementOf("client-id", HTMLElement).textContent = clientId;

// What the browser tells.
addEventListener("online", () => session.networkBack());
addEventListener("offline", () => session.networkLost());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") session.hasten();
});
addEventListener("beforeunload", (event) => {
  if (session.unsent.length > 0) event.preventDefault(); // the browser asks whether to leave
});
if (visualViewport !== null) followViewport(visualViewport);

if (matchMedia("(pointer: fine)").matches) composer.focus(); // elsewhere a keyboard would pop up
session.start();
redraw();
