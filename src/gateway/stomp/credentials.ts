import type { Budget } from "../../topics/covering.ts";
import { StompFault } from "../../wire/stomp/fault.ts";
import type { Frame } from "../../wire/stomp/frames.ts";
import type { Grant } from "../auth/grant.ts";
import { Lease } from "../auth/lease.ts";
import type { Permissions } from "../auth/permissions.ts";
import { TokenRefusal } from "../auth/token-refusal.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { Surroundings } from "../protocol/protocol.ts";

/** The destination of a SEND that renews the token. Its body is the new token. */
export const renewal = "/auth";

/** How much input may wait while a token is checked, in bytes. The client is not read from then, so this is what was read already. */
const waitingBytesMax = 1024 ** 2;

/** A fault because of a token. */
export class TokenFault extends StompFault {
  readonly refusal: TokenRefusal;

  constructor(refusal: TokenRefusal) {
    super(refusal.why, { reason: "token", close: refusal.close });
    this.refusal = refusal;
  }
}

/** The surroundings that credentials use. */
type CredentialsParts = Pick<Surroundings, "auth" | "holds" | "wheel">;

/**
 * A session's id and rights: from the handshake's token, or else from that of CONNECT, and then from each renewal.
 *
 * Checking a token takes time. Input that comes meanwhile waits, in order.
 */
export class Credentials {
  readonly #surroundings: CredentialsParts;
  /** The client id in the path, which a later token must agree with. */
  readonly #asked: string | undefined;
  #grant: Grant | undefined;
  #lease: Lease | undefined;
  #isChecking = false;
  #waitingBytes = 0;

  constructor(surroundings: CredentialsParts, asked: string | undefined, grant: Grant | undefined) {
    this.#surroundings = surroundings;
    this.#asked = asked;
    this.#grant = grant;
  }

  /** Undefined until there is a token. */
  get grant(): Grant | undefined {
    return this.#grant;
  }

  get isChecking(): boolean {
    return this.#isChecking;
  }

  /** More input came while the token is checked. Returns a fault if it is more than may wait. */
  wait(bytes: number): StompFault | undefined {
    this.#waitingBytes += bytes;
    if (this.#waitingBytes <= waitingBytesMax) return undefined;
    return new StompFault(`more than ${waitingBytesMax} bytes came while the token was checked`);
  }

  /** Starts the token's time. From now on `fail` may be called, unless another token came in time and is being checked. */
  begin(fail: (fault: TokenFault) => void): void {
    this.#lease?.stop();
    this.#lease =
      this.#grant &&
      Lease.of(this.#grant, this.#surroundings.wheel, () => {
        if (!this.#isChecking) fail(new TokenFault(new TokenRefusal("expired", "the token has expired")));
      });
  }

  /**
   * Checks a token and adopts its rights. Neither `granted` nor `fail` is called if the session ends before.
   *
   * @param granted may throw a TokenFault too
   * @param fail called with why the token is refused, or when it expires
   */
  check(socket: ClientSocket, token: string, granted: () => void, fail: (fault: TokenFault) => void): void {
    const { auth, holds } = this.#surroundings;
    this.#isChecking = true;
    this.#waitingBytes = 0;
    holds.hold(socket, "check");
    void auth!.verify(token).then((grant) => {
      if (!this.#isChecking) return;
      this.#isChecking = false;
      holds.release(socket, "check");
      try {
        const refusal = grant instanceof TokenRefusal ? grant : this.#accept(grant);
        if (refusal !== undefined) throw new TokenFault(refusal);
        socket.data.seat.tokenIssuedAtMs = this.#grant?.issuedAtMs ?? 0;
        this.begin(fail);
        granted();
      } catch (error) {
        if (!(error instanceof TokenFault)) throw error;
        fail(error);
      }
    });
  }

  /** The token's permissions. */
  get permissions(): Permissions {
    return this.#grant!.permissions;
  }

  /**
   * Why the client may not publish to a topic.
   *
   * @param receipt the one that the ERROR has to name, if the frame that is obeyed does not ask for it
   */
  notToPublish(topic: string, receipt?: string): TokenFault {
    const { note } = this.permissions;
    const why = `the token gives no right to publish to ${quoted(topic)}${note}`;
    const fault = new TokenFault(new TokenRefusal("publish", why));
    fault.receipt = receipt;
    return fault;
  }

  /** Why the client may not send requests to a topic. */
  notToAsk(topic: string): TokenFault {
    const why = `the token gives no right to send requests to "/app/${topic}"${this.permissions.note}`;
    return new TokenFault(new TokenRefusal("publish", why));
  }

  /**
   * @param budget what it may cost to find out
   * @throws TokenFault
   */
  maySubscribe(pattern: string, budget?: Budget): void {
    const { permissions } = this;
    if (!permissions.maySubscribe(pattern, budget))
      throw new TokenFault(
        new TokenRefusal(
          "subscribe",
          `the token gives no right to subscribe to all of ${quoted(pattern)}${permissions.note}`,
        ),
      );
  }

  /** The session has ended. */
  end(): void {
    this.#isChecking = false;
    this.#lease?.stop();
  }

  #accept(grant: Grant): TokenRefusal | undefined {
    if (this.#grant !== undefined && this.#grant.user !== grant.user)
      return new TokenRefusal("clientId", "the new token is another user's (sub)");
    if (this.#asked !== undefined && this.#asked !== grant.user)
      return new TokenRefusal("clientId", "the client id in the path is not the token's sub: leave it out");
    this.#grant = grant;
    return undefined;
  }
}

/** The token in a CONNECT. STOMP calls it a passcode. */
export function tokenOf({ headers }: Frame): string {
  const token = headers.get("passcode");
  if (token === undefined || token === "") {
    throw new TokenFault(
      new TokenRefusal("missing", "a token is needed: in the handshake, or as the passcode of CONNECT"),
    );
  }
  return token;
}

function quoted(topic: string): string {
  return topic === "" ? "/broadcast" : `"${topic}"`;
}
