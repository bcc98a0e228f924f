import type { Message, OutgoingMessage } from "../../message.ts";
import { version as warrenVersion } from "../../version.ts";
import type { Client, ClientSocket } from "../client.ts";
import { closeCodes } from "../close-codes.ts";
import { topicToSendTo } from "./destinations.ts";
import { type Frame, frameText, type Header, StompFault, type Version } from "./frames.ts";
import { bodyOf, travellingHeaders } from "./headers.ts";
import { agreementOn, HeartBeats, heartBeatMs } from "./heart-beats.ts";
import { FrameParser } from "./parser.ts";
import type { StompSurroundings } from "./stomp.ts";
import { Subscriptions } from "./subscriptions.ts";
import { type Pending, Transactions } from "./transactions.ts";

/** A client's life: nothing but CONNECT is allowed at first, and nothing at all in the end. */
type State =
  | { readonly is: "new" }
  | { readonly is: "connected"; readonly heartBeats: HeartBeats | undefined }
  | { readonly is: "ended" };

/** One STOMP client. https://stomp.github.io/stomp-specification-1.2.html */
export class Session implements Client {
  readonly id: string;
  hasPublished = false;
  readonly #surroundings: StompSurroundings;
  readonly #parser: FrameParser;
  readonly #subscriptions: Subscriptions;
  #transactions: Transactions | undefined;
  #state: State = { is: "new" };

  constructor(id: string, surroundings: StompSurroundings) {
    this.id = id;
    this.#surroundings = surroundings;
    this.#parser = new FrameParser(surroundings.maxMessageBytes);
    this.#subscriptions = new Subscriptions(id, surroundings);
  }

  opened(): void {
    // Everything begins with the client's CONNECT.
  }

  message(socket: ClientSocket, body: string | Buffer): void {
    if (this.#state.is === "ended") return;
    if (this.#state.is === "connected") this.#state.heartBeats?.heard();
    this.#parser.push(typeof body === "string" ? Buffer.from(body) : body);
    for (let next = this.#parser.next(); next !== undefined; next = this.#parser.next()) {
      if (next instanceof StompFault) this.#fail(socket, next);
      else this.#take(socket, next);
      // What comes behind a DISCONNECT or a fault is not read.
      if (this.#hasEnded()) return;
    }
    const { uplink, backpressure } = this.#surroundings;
    if (uplink.isFull && this.hasPublished) backpressure.hold(socket);
  }

  direct(socket: ClientSocket, message: Message): void {
    this.#subscriptions.deliverDirect(socket, message, this.#parser.version);
  }

  drained(): void {
    this.#subscriptions.drained();
  }

  closed(): void {
    this.#end();
    this.#subscriptions.clear();
  }

  #take(socket: ClientSocket, frame: Frame): void {
    try {
      this.#obey(socket, frame);
    } catch (error) {
      if (!(error instanceof StompFault)) throw error;
      const receipt = error.receipt ?? frame.headers.get("receipt");
      this.#fail(socket, new StompFault(error.message, receipt, error.headers));
    }
  }

  /** @throws StompFault */
  #obey(socket: ClientSocket, frame: Frame): void {
    const { command, headers, body } = frame;
    if (body.byteLength > 0 && command !== "SEND") throw new StompFault("only a SEND has a body");
    if (this.#state.is === "new") {
      if (command !== "CONNECT" && command !== "STOMP")
        throw new StompFault(`CONNECT first, not ${named(command)}`);
      this.#connect(socket, frame);
      return;
    }
    const receipt = headers.get("receipt");
    switch (command) {
      case "SEND":
        this.#send(socket, frame, receipt);
        return;
      case "SUBSCRIBE":
        this.#subscriptions.add(
          socket,
          frame,
          required(frame, "id"),
          required(frame, "destination"),
          this.#parser.version,
          () => this.#acknowledge(socket, receipt),
        );
        return;
      case "UNSUBSCRIBE":
        this.#subscriptions.remove(socket, required(frame, "id"));
        break;
      case "BEGIN":
        this.#transactions ??= new Transactions(this.#surroundings.maxTransactionBytes);
        this.#transactions.begin(required(frame, "transaction"));
        break;
      case "ABORT":
        this.#endTransaction(frame);
        break;
      case "COMMIT":
        this.#publish(socket, this.#endTransaction(frame), receipt);
        return;
      case "DISCONNECT":
        this.#acknowledge(socket, receipt);
        this.#end();
        socket.close(closeCodes.done.code, closeCodes.done.reason);
        return;
      case "ACK":
      case "NACK":
        throw new StompFault(`there is nothing to ${command}: subscriptions are ack:auto`);
      case "CONNECT":
      case "STOMP":
        throw new StompFault("this session is connected already");
      default:
        throw new StompFault(`unknown command ${named(command)}`);
    }
    this.#acknowledge(socket, receipt);
  }

  /** @throws StompFault */
  #connect(socket: ClientSocket, { headers }: Frame): void {
    if (headers.has("receipt")) throw new StompFault("a CONNECT has no receipt: CONNECTED answers it");
    const version = versionOf(headers.get("accept-version"));
    const { wheel, holds } = this.#surroundings;
    const agreement = agreementOn(headers.get("heart-beat"));
    this.#parser.version = version;
    let heartBeats: HeartBeats | undefined;
    if (agreement.incomingMs > 0 || agreement.outgoingMs > 0) {
      heartBeats = new HeartBeats(wheel, agreement, {
        beat: () => void socket.send("\n"),
        silent: (afterMs) => this.#silent(socket, afterMs),
        isHeard: () => !holds.has(socket),
      });
    }
    this.#state = { is: "connected", heartBeats };
    const answer: readonly Header[] = [
      ["version", version],
      ["server", `warren/${warrenVersion}`],
      ["client-id", this.id],
      ["heart-beat", `${heartBeatMs},${heartBeatMs}`],
    ];
    socket.send(frameText("CONNECTED", answer, "", version));
  }

  /** @throws StompFault */
  #send(socket: ClientSocket, frame: Frame, receipt: string | undefined): void {
    const message: OutgoingMessage = {
      body: bodyOf(frame),
      topic: topicToSendTo(required(frame, "destination")),
      clientId: this.id,
      headers: travellingHeaders(frame),
    };
    const transaction = frame.headers.get("transaction");
    if (transaction === undefined) {
      this.#publish(socket, [{ message, receipt }], undefined);
      return;
    }
    if (this.#transactions === undefined)
      throw new StompFault(`there is no transaction ${named(transaction)}: BEGIN it first`);
    this.#transactions.add(transaction, { message, receipt });
  }

  /** Hands messages to the neighbours and to the broker. A receipt is sent when the broker has confirmed what it is for. */
  #publish(socket: ClientSocket, sends: readonly Pending[], receiptOfAll: string | undefined): void {
    const { relay, uplink } = this.#surroundings;
    this.hasPublished = true;
    let unconfirmed = sends.length;
    for (const { message, receipt } of sends) {
      const isAwaited = receipt !== undefined || receiptOfAll !== undefined;
      const onConfirmed = () => {
        unconfirmed--;
        this.#acknowledge(socket, receipt);
        if (unconfirmed === 0) this.#acknowledge(socket, receiptOfAll);
      };
      const number = uplink.take(message, isAwaited ? onConfirmed : undefined);
      relay.receivedCount++;
      relay.toAll(message, uplink.idOf(number));
    }
    if (sends.length === 0) this.#acknowledge(socket, receiptOfAll);
  }

  /** @throws StompFault */
  #endTransaction(frame: Frame): readonly Pending[] {
    const name = required(frame, "transaction");
    if (this.#transactions === undefined)
      throw new StompFault(`there is no transaction ${named(name)}: BEGIN it first`);
    return this.#transactions.end(name);
  }

  #acknowledge(socket: ClientSocket, receipt: string | undefined): void {
    if (receipt === undefined || this.#hasEnded()) return;
    socket.send(frameText("RECEIPT", [["receipt-id", receipt]], "", this.#parser.version));
  }

  #silent(socket: ClientSocket, afterMs: number): void {
    const fault = new StompFault(`no heart-beat came for ${Math.round(afterMs)} ms`);
    this.#fail(socket, fault, closeCodes.silent);
  }

  #fail(
    socket: ClientSocket,
    fault: StompFault,
    close: { readonly code: number; readonly reason: string } = closeCodes.stompError,
  ): void {
    const headers: Header[] = [["message", fault.message], ...fault.headers, ["content-type", "text/plain"]];
    if (fault.receipt !== undefined) headers.push(["receipt-id", fault.receipt]);
    socket.send(frameText("ERROR", headers, `${fault.message}\n`, this.#parser.version));
    this.#end();
    socket.close(close.code, close.reason);
  }

  #hasEnded(): boolean {
    return this.#state.is === "ended";
  }

  #end(): void {
    if (this.#state.is === "connected") this.#state.heartBeats?.stop();
    this.#state = { is: "ended" };
    this.#transactions = undefined;
  }
}

/** @throws StompFault */
function required({ command, headers }: Frame, name: string): string {
  const value = headers.get(name);
  if (value === undefined || value === "") throw new StompFault(`${command} needs the header ${name}`);
  return value;
}

/** @throws StompFault if there is no version that both sides speak */
function versionOf(accepted = "1.0"): Version {
  const versions = accepted.split(",").map((version) => version.trim());
  if (versions.includes("1.2")) return "1.2";
  if (versions.includes("1.1")) return "1.1";
  throw new StompFault("this is a server of STOMP 1.2 and 1.1: say accept-version:1.2", undefined, [
    ["version", "1.2,1.1"],
  ]);
}

function named(word: string): string {
  return JSON.stringify(word.slice(0, 80));
}
