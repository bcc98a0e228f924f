import { type Drop, lossOf } from "../connection/watch.ts";

/** How often bindings are made again, in milliseconds: well within the time after which a manager that nobody hears counts as dead. */
const everyMsUsual = 5000;

/** What is needed of a connection. */
interface Lived {
  readonly drop: Drop;
  onLoss(end: () => void): void;
}

/**
 * Makes bindings again and again, for as long as the connection lives. RabbitMQ tells nobody that an exchange was deleted, and its bindings
 * go with it. A listener does not notice that, and cannot even see it once somebody else has declared the exchange again. RabbitMQ leaves a
 * binding that exists as it is. If the exchange is missing, the connection is set up again.
 */
export function keepBound(life: Lived, bind: () => Promise<unknown>, everyMs = everyMsUsual): void {
  let isAsking = false;
  const timer = setInterval(() => {
    // RabbitMQ may take long to answer, and needs no second question.
    if (isAsking) return;
    isAsking = true;
    bind()
      .catch((error: Error) => life.drop(lossOf(error)))
      .finally(() => {
        isAsking = false;
      });
  }, everyMs);
  life.onLoss(() => clearInterval(timer));
}
