import { clientIdOfTab, newClientId } from "./session/client-id.ts";
import { openEventsLink } from "./session/events-link.ts";
import { askOverHttp } from "./session/http.ts";
import { RemoteLinks } from "./session/remote-links.ts";
import { Session } from "./session/session.ts";
import { openStompLink } from "./session/stomp-link.ts";
import { tokenOfPage, withoutToken } from "./session/token.ts";
import { CodeView } from "./view/code-view.ts";
import { Composer } from "./view/composer.ts";
import { oncePerFrame } from "./view/frame.ts";
import { LogView } from "./view/log-view.ts";
import { RightsView } from "./view/rights-view.ts";
import { StatusView } from "./view/status-view.ts";
import { TokenField } from "./view/token-field.ts";
import { TopicField } from "./view/topic-field.ts";
import { followViewport } from "./view/viewport.ts";

/** In a flood of messages the page draws less often, so that typing stays smooth. */
const restInFloodMs = 100;

/** The browser's clock and timers, for a session. */
const browsers = {
  ask: askOverHttp,
  now: () => Date.now(),
  after(ms: number, run: () => void) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

/** Builds the client page and connects. @param startWorker starts this script as a worker, which then holds the links */
export function startPage(startWorker: () => Worker): void {
  const links = new RemoteLinks(startWorker, openStompLink);

  // The client's id and topic.
  let token = tokenOfPage(location.href);
  // The token is kept in memory only: people copy the address, and the browser remembers it in its history.
  const page = withoutToken(location.href);
  if (page !== location.href) history.replaceState(null, "", page);
  // With a token, the manager takes the client id from it.
  const clientId = token === undefined ? clientIdOfTab(() => sessionStorage, crypto) : undefined;
  const session = new Session({
    page,
    clientId,
    pageId: newClientId(crypto),
    changed: () => redraw(),
    surroundings: {
      open: (url, events) => links.open(url, token, events),
      openWithoutWebSocket: (url, events) => openEventsLink(url, token, events),
      ...browsers,
    },
  });

  // What is seen of it.
  const redraw = oncePerFrame(
    () => {
      statusView.draw();
      tokenField.draw();
      logView.draw();
    },
    () => (session.conversation.floods(Date.now()) ? restInFloodMs : 0),
  );
  const logView = new LogView(session, redraw, (topic) => topicField.go(topic));
  const statusView = new StatusView(session, redraw);
  const tokenField = new TokenField(session, (given) => {
    token = given;
    rightsView.show(token);
  });
  const rightsView = new RightsView((topic) => topicField.go(topic));
  rightsView.show(token);
  const codeView = new CodeView(session, () => token !== undefined);
  const composer = new Composer(session, () => logView.followNewest());
  const topicField = new TopicField(session, () => {
    composer.topicChanged();
    codeView.topicChanged();
    composer.focus();
  });
  composer.topicChanged();

  followBrowser(session);
  if (matchMedia("(pointer: fine)").matches) composer.focus(); // elsewhere a keyboard would pop up
  session.start();
  redraw();
}

/** Reacts to the browser's events. */
function followBrowser(session: Session): void {
  addEventListener("online", () => session.networkBack());
  addEventListener("offline", () => session.networkLost());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") session.hasten();
  });
  addEventListener("beforeunload", (event) => {
    if (session.unsent.length > 0) event.preventDefault(); // the browser asks whether to leave
  });
  if (visualViewport !== null) followViewport(visualViewport);
}
