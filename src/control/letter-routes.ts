import { reasonOf } from "../errors.ts";
import type { Query } from "../query.ts";
import { bodyOf } from "./body.ts";
import type { DeadLetters, WhichLetters } from "./dead-letters.ts";
import { bad } from "./refusal.ts";

/** The most dead letters in one list. */
export const lettersMax = 100;
/** How much of each body a list shows, in bytes. */
const listedBytesMax = 16 * 1024;
/** The longest list of letters to replay, in bytes. */
const namedBytesMax = 64 * 1024;

/** `/api/dead-letters…`: messages that handlers failed to handle. */
export class LetterRoutes {
  readonly #letters: () => DeadLetters | undefined;

  constructor(letters: () => DeadLetters | undefined) {
    this.#letters = letters;
  }

  async list(query: Query): Promise<Response> {
    const limit = Number(query.get("limit") ?? lettersMax);
    if (!Number.isInteger(limit) || limit < 1 || limit > lettersMax)
      return bad(`limit is a whole number from 1 to ${lettersMax}`);
    const group = query.get("group");
    const reason = query.get("reason");
    return await this.#do(async (letters) => {
      const { letters: found, total } = await letters.list(
        { group, reason, ids: undefined },
        limit,
        listedBytesMax,
      );
      return inJson(`{"letters":[${found.join(",")}],"total":${total}}`);
    });
  }

  async show(id: string): Promise<Response> {
    return await this.#do(async (letters) => {
      const which = { group: undefined, reason: undefined, ids: [id] };
      const { letters: found } = await letters.list(which, lettersMax, Number.POSITIVE_INFINITY);
      if (found.length > 0) return inJson(`{"letters":[${found.join(",")}]}`);
      return Response.json({ error: `no dead letter has the id "${id}"` }, { status: 404 });
    });
  }

  /** Replays the letters that a request names. A request for all of them has to say so. */
  async replay(request: Request): Promise<Response> {
    const body = await bodyOf(request, namedBytesMax, `${namedBytesMax} bytes`);
    if (body instanceof Response) return body;
    const which = whichIn(body.toString());
    if (typeof which === "string") return bad(which);
    return await this.#do(async (letters) => Response.json(await letters.replay(which)));
  }

  async #do(work: (letters: DeadLetters) => Promise<Response>): Promise<Response> {
    const letters = this.#letters();
    if (letters === undefined)
      return Response.json({ error: "the embedded broker keeps no dead letters" }, { status: 404 });
    try {
      return await work(letters);
    } catch (error) {
      return Response.json({ error: reasonOf(error) }, { status: 503 });
    }
  }
}

/** @returns the selected letters, or what is wrong with the request */
function whichIn(text: string): WhichLetters | string {
  const form = 'say {"ids": ["…"]}, {"group": "…"}, {"reason": "…"}, several of them, or {"all": true}';
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    return form;
  }
  if (typeof said !== "object" || said === null) return form;
  const { ids, group, reason, all, ...others } = said as Record<string, unknown>;
  const isText = (value: unknown): value is string | undefined =>
    value === undefined || typeof value === "string";
  const areIds = (value: unknown): value is readonly string[] | undefined =>
    value === undefined || (Array.isArray(value) && value.every((id) => typeof id === "string"));
  if (Object.keys(others).length > 0 || !isText(group) || !isText(reason) || !areIds(ids)) return form;
  const isNarrow = ids !== undefined || group !== undefined || reason !== undefined;
  return isNarrow || all === true ? { ids, group, reason } : form;
}

function inJson(text: string): Response {
  return new Response(text, { headers: { "content-type": "application/json" } });
}
