import { MultiMap } from "../../collections/multi-map.ts";
import { keyHeader } from "../../envelope/idempotency-key.ts";
import { typeIn } from "../../http-headers.ts";
import type { Message } from "../../message.ts";
import { errorHeader } from "../../requests.ts";
import { Lease } from "../auth/lease.ts";
import type { DoorSurroundings } from "../protocol/protocol.ts";
import { RequestFault } from "../requests/line.ts";
import { fault } from "./answers.ts";
import { type Asked, type Caller, type TokenEnd, tokenEnded } from "./caller.ts";
import { headersFor } from "./message-headers.ts";
import { keyFault, type Sending, type Unanswered } from "./sending.ts";

/** How long a request without a time of its own waits for its answer, in milliseconds. */
const answerMs = 30_000;
/** The longest that a request may wait, in milliseconds. */
const answerMsMax = 600_000;
/** The timer wheel reports expirations up to this much late, in milliseconds. The HTTP request's own timeout comes after that. */
const graceMs = 2000;

const askedBefore =
  "a request with this Idempotency-Key was sent before: its answer went to the sender of that one";

const unanswered: Unanswered = {
  late: () => fault(504, "no answer came in time"),
  stopping: () =>
    fault(504, "this manager stopped before an answer came: the request may be handled all the same"),
};

/** A request that waits for its answer. */
interface Asker {
  /** When its token was issued, in milliseconds since 1970; 0 if that is unknown. */
  readonly issuedAtMs: number;
  /** Its token was revoked, so it gets no answer but that. */
  readonly revoked: () => void;
}

/** `POST /app/NAME`: the response is the answer to the request. */
export class Asking {
  readonly #surroundings: DoorSurroundings;
  readonly #sending: Sending;
  /** The requests that wait for their answers, by their client ids. */
  readonly #askers = new MultiMap<Asker>();

  constructor(surroundings: DoorSurroundings, sending: Sending) {
    this.#surroundings = surroundings;
    this.#sending = sending;
  }

  /**
   * Ends the requests of a client whose tokens were issued before this time, in milliseconds since 1970. Returns how many there were.
   */
  revoke(clientId: string, issuedBeforeMs: number): number {
    const revoked = [...this.#askers.find(clientId)].filter(({ issuedAtMs }) => issuedAtMs < issuedBeforeMs);
    for (const asker of revoked) this.#sending.settling.add(asker.revoked);
    return revoked.length;
  }

  async answer(asked: Asked): Promise<Response> {
    if (asked.name === "") return fault(400, "name an app: POST /app/NAME");
    const { requests, ingress, wheel } = this.#surroundings;
    const may = ({ grant }: Caller) => grant.permissions.mayAsk(asked.name);
    return await this.#sending.admit(
      asked,
      may,
      "send requests to this app",
      async ({ caller, sender, body, headers }) => {
        const expiration = headers?.["expiration"] ?? `${answerMs}`;
        const waitMs = Math.min(answerMsMax, Number(expiration));
        const { promise, resolve } = Promise.withResolvers<Response>();
        const { settling } = this.#sending;
        const answer = (message: Message) => settling.add(() => resolve(responseOf(message)));
        const line = requests.line({ answer });
        const thread = { replyTo: "", correlationId: headers?.["correlation-id"] };
        const message = this.#sending.messageOf(asked.name, caller, body, { ...headers, expiration });
        const question = { ...message, isRequest: true };
        const refusal = this.#sending.refusalOf(question, caller, sender);
        if (refusal !== undefined) {
          line.close();
          return refusal;
        }
        const take = () => {
          try {
            const travelling = line.headersOf(question.headers, thread, asked.name);
            const taken = ingress.take({ ...question, headers: travelling }, sender, undefined, {
              confirmed: () => undefined,
              setAside: (why) => resolve(fault(422, `the request was set aside: ${why}`)),
            });
            if (taken === "published") return;
            resolve(taken === "repeated" ? fault(409, askedBefore) : keyFault(taken));
          } catch (error) {
            if (!(error instanceof RequestFault)) throw error;
            resolve(fault(400, error.message));
          }
        };
        if (!ingress.waitsForKeys(question.headers?.[keyHeader], take)) take();
        // The answer is not for a client whose token has ended, as it would not be over WebSocket.
        const end = (how: TokenEnd) => resolve(tokenEnded(how, this.#surroundings));
        const lease = Lease.of(caller.grant, wheel, () => end("expired"));
        const asker = { issuedAtMs: caller.grant.issuedAtMs ?? 0, revoked: () => end("revoked") };
        this.#askers.add(caller.id, asker);
        return await this.#sending.waitFor(asked, promise, waitMs + graceMs, unanswered, () => {
          this.#askers.remove(caller.id, asker);
          lease?.stop();
          line.close();
        });
      },
    );
  }
}

/** Converts an answer into a response. Whatever its type, a browser must treat it only as data. */
function responseOf({ body, headers }: Message): Response {
  const error = headers?.[errorHeader];
  if (error === "expired") return fault(504, String(body));
  if (error !== undefined) return fault(502, String(body));
  const plainest = typeof body === "string" ? "text/plain; charset=utf-8" : "application/octet-stream";
  return new Response(body as BodyInit, {
    headers: {
      "content-type": typeIn(headers?.["content-type"]) ?? plainest,
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "content-security-policy": "default-src 'none'; sandbox",
      ...headersFor(headers),
    },
  });
}
