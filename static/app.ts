import { clientIdOfTab, newClientId } from "./session/client-id.ts";
import { Session } from "./session/session.ts";
import { openStompLink } from "./session/stomp-link.ts";
import { tokenOfPage } from "./session/token.ts";
import { Composer } from "./view/composer.ts";
import { oncePerFrame } from "./view/frame.ts";
import { LogView } from "./view/log-view.ts";
import { StatusView } from "./view/status-view.ts";
import { TopicField } from "./view/topic-field.ts";
import { followViewport } from "./view/viewport.ts";

// Who and where.
const token = tokenOfPage(location.href);
// A token says who this is.
const clientId = token === undefined ? clientIdOfTab(() => sessionStorage, crypto) : undefined;
const session = new Session({
  page: location.href,
  clientId,
  pageId: newClientId(crypto),
  changed: () => redraw(),
  surroundings: {
    open: (url, events) => openStompLink(url, token, events),
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
const logView = new LogView(session, redraw);
const statusView = new StatusView(session, redraw);
const composer = new Composer(session, () => logView.followNewest());
new TopicField(session, () => {
  composer.topicChanged();
  composer.focus();
});
composer.topicChanged();

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
