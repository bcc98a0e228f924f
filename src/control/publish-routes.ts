import { faultInKey } from "../envelope/idempotency-key.ts";
import { isName, type OutgoingMessage } from "../message.ts";
import { bodyIn } from "../properties.ts";
import type { Query } from "../query.ts";
import { isPattern } from "../topics/pattern.ts";
import { bodyOf } from "./body.ts";
import type { ClientRoutes } from "./client-routes.ts";
import type { ControlOptions } from "./control-options.ts";
import { bad, refused, unknownClient } from "./refusal.ts";

type PublishOptions = Pick<ControlOptions, "publish" | "unfitnessOf" | "maxMessageBytes" | "confirmMsMax">;

/** `/api/publish` and `/api/clients/ID/send`: messages to clients. */
export class PublishRoutes {
  readonly #options: PublishOptions;
  readonly #clients: Pick<ClientRoutes, "find">;

  constructor(options: PublishOptions, clients: Pick<ClientRoutes, "find">) {
    this.#options = options;
    this.#clients = clients;
  }

  async send(request: Request, query: Query, clientId: string): Promise<Response> {
    const { connections, missing } = await this.#clients.find(clientId);
    if (connections.length === 0) return unknownClient(clientId, missing);
    return await this.#hand(request, {
      topic: query.get("topic") ?? "",
      clientId,
    });
  }

  async publish(request: Request, query: Query): Promise<Response> {
    const topic = query.get("topic");
    if (topic === undefined) return bad("say ?topic=NAME; an empty one is for everybody that listens to all");
    return await this.#hand(request, { topic });
  }

  async #hand(request: Request, to: Pick<OutgoingMessage, "topic" | "clientId">): Promise<Response> {
    const { maxMessageBytes } = this.#options;
    if (!isName(to.topic) || isPattern(to.topic))
      return bad("a topic has at most 255 bytes, no control characters, and is no pattern");
    const bytes = await bodyOf(request, maxMessageBytes, `--max-message-bytes, ${maxMessageBytes}`);
    if (bytes instanceof Response) return bytes;
    const type = request.headers.get("content-type") ?? undefined;
    const headers = type === undefined ? {} : { headers: { "content-type": type } };
    const message = { ...to, body: bodyIn(bytes, type), ...headers };
    const key = request.headers.get("idempotency-key") ?? undefined;
    const faultyKey = key === undefined ? undefined : faultInKey(key);
    if (faultyKey !== undefined) return bad(`Idempotency-Key ${faultyKey}`);
    const unfit = this.#options.unfitnessOf(message);
    if (unfit !== undefined) return bad(unfit.why);
    return await this.#confirmationOf(message, key);
  }

  /** Publishes a message. The answer says what became of it. */
  async #confirmationOf(message: OutgoingMessage, key: string | undefined): Promise<Response> {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const late = () => resolve(refused(504, "RabbitMQ has not confirmed it yet; it may still arrive"));
    const timer = setTimeout(late, this.#options.confirmMsMax);
    const waiter = {
      confirmed: () => resolve(Response.json({ confirmed: true })),
      setAside: (error: string) => resolve(refused(422, error)),
    };
    this.#options.publish(message, waiter, key).then((taken) => {
      if (taken === "reused") resolve(refused(409, "the Idempotency-Key belongs to another message"));
      if (taken === "too many")
        resolve(refused(503, "too many wait for earlier messages with their keys: try again"));
      if (taken === "full")
        resolve(refused(503, "too many messages wait for RabbitMQ: send it again in a moment"));
    }, reject);
    return await promise.finally(() => clearTimeout(timer));
  }
}
