import { once } from "node:events";
import { createRequire } from "node:module";
import { createServer, type Server, type Socket } from "node:net";

interface Frame {
  readonly type: number;
  readonly channel: number;
  readonly rest: Buffer;
}
type Fields = Readonly<Record<string, unknown>>;

const require = createRequire(import.meta.url);
const amqplib = (file: string) => require(`../../node_modules/amqplib/lib/${file}.js`) as unknown;

/** amqplib's own codec, which is not exported. */
const frames = amqplib("frame") as {
  parseFrame(bytes: Buffer, max: number): Frame | false;
  makeBodyFrame(channel: number, body: Buffer): Buffer;
  decodeFrame(frame: Frame): {
    readonly id?: number;
    readonly fields?: Fields;
    readonly size?: number;
    readonly content?: Buffer;
  };
};
const defs = amqplib("defs") as {
  encodeMethod(id: number, channel: number, fields: Fields): Buffer;
  encodeProperties(id: number, channel: number, size: number, fields: Fields): Buffer;
  info(id: number): { readonly name: string };
} & Readonly<Record<string, number>>;

const protocolHeaderBytes = 8;
const frameMax = 131_072;

/** The default answers to methods. */
const answers: Readonly<Record<string, (fields: Fields) => readonly [string, Fields]>> = {
  ConnectionStartOk: () => ["ConnectionTune", { channelMax: 2047, frameMax, heartbeat: 0 }],
  ConnectionOpen: () => ["ConnectionOpenOk", {}],
  ConnectionClose: () => ["ConnectionCloseOk", {}],
  ChannelOpen: () => ["ChannelOpenOk", {}],
  ChannelClose: () => ["ChannelCloseOk", {}],
  ConfirmSelect: () => ["ConfirmSelectOk", {}],
  ExchangeDeclare: () => ["ExchangeDeclareOk", {}],
  ExchangeBind: () => ["ExchangeBindOk", {}],
  ExchangeUnbind: () => ["ExchangeUnbindOk", {}],
  QueueDeclare: ({ queue }) => ["QueueDeclareOk", { queue, messageCount: 0, consumerCount: 0 }],
  QueueBind: () => ["QueueBindOk", {}],
  QueueUnbind: () => ["QueueUnbindOk", {}],
  BasicQos: () => ["BasicQosOk", {}],
  BasicConsume: ({ consumerTag }) => ["BasicConsumeOk", { consumerTag }],
  BasicCancel: ({ consumerTag }) => ["BasicCancelOk", { consumerTag }],
};

/** Called with each method, before the default answer. If it returns `answered`, there is no default answer. */
export type Script = (
  method: string,
  peer: FakePeer,
  channel: number,
  fields: Fields,
) => "answered" | undefined;

/**
 * An AMQP 0-9-1 broker that accepts everything, unless its script does something else. For tests of behaviour that a real broker does not
 * show on demand.
 */
export class FakeAmqp implements AsyncDisposable {
  readonly peers: FakePeer[] = [];
  readonly url: string;
  /** May be replaced at any time. It applies from the next method on. */
  script: Script;
  readonly #server: Server;
  readonly #users = new AsyncDisposableStack();

  private constructor(server: Server, script: Script) {
    this.#server = server;
    this.script = script;
    this.url = `amqp://guest:guest@127.0.0.1:${(server.address() as { port: number }).port}`;
    server.on("connection", (socket) => this.peers.push(new FakePeer(socket, () => this.script)));
  }

  static async start(script: Script = () => undefined): Promise<FakeAmqp> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new FakeAmqp(server, script);
  }

  /** Closes a user of this broker before the broker itself ends. */
  closeFirst(user: { close(): Promise<void> }): void {
    this.#users.defer(() => user.close());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#users.disposeAsync();
    for (const peer of this.peers) peer.end();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** One connection to it. */
export class FakePeer {
  /** The names of the received methods. */
  readonly methods: string[] = [];
  /** The delivery tag of the last publish. */
  published = 0;
  /** The channel of the last publish. */
  publishedOn = 0;
  /** The published bodies, as text. */
  readonly bodies: string[] = [];
  readonly #socket: Socket;
  readonly #script: () => Script;
  /** Whether the connection is over, also for the other end. */
  hasEnded = false;
  /** The channels that it has closed, on which it takes nothing until the other end has agreed. */
  readonly #closing = new Set<number>();
  #inbox: Buffer = Buffer.alloc(0);
  #hasHeader = false;

  constructor(socket: Socket, script: () => Script) {
    this.#socket = socket;
    this.#script = script;
    socket.on("data", (bytes: Buffer) => this.#take(bytes));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.hasEnded = true;
    });
  }

  send(method: string, fields: Fields, channel = 0): void {
    if (method === "ChannelClose") this.#closing.add(channel);
    this.sendBytes(encode(method, channel, fields));
  }

  /** Delivers to a consumer. @param deliveryCount how often the message was delivered before */
  deliver(channel: number, consumerTag: string, deliveryTag: number, text: string, deliveryCount = 0): void {
    this.#deliver(channel, { consumerTag, deliveryTag, redelivered: deliveryCount > 0 }, text, {
      "x-delivery-count": deliveryCount,
    });
  }

  /** Delivers from a stream. */
  deliverRecord(channel: number, consumerTag: string, deliveryTag: number, offset: number): void {
    this.#deliver(channel, { consumerTag, deliveryTag, redelivered: false }, "record", {
      "x-stream-offset": offset,
    });
  }

  #deliver(channel: number, delivery: Fields, text: string, headers: Fields): void {
    const fields = { ...delivery, exchange: "", routingKey: "" };
    const body = Buffer.from(text);
    const properties = defs["BasicProperties"]!;
    this.send("BasicDeliver", fields, channel);
    this.sendBytes(defs.encodeProperties(properties, channel, body.length, { headers }));
    this.sendBytes(frames.makeBodyFrame(channel, body));
  }

  /** Sends a method's frame without its last bytes. */
  sendHalf(method: string, fields: Fields, channel: number): void {
    const frame = encode(method, channel, fields);
    this.sendBytes(frame.subarray(0, frame.length - 4));
  }

  sendBytes(bytes: Uint8Array): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes);
  }

  /** Stops reading, like a frozen broker, until `thaw`. */
  freeze(): void {
    this.#socket.pause();
  }

  thaw(): void {
    this.#socket.resume();
  }

  /** Ends the connection when everything was written. */
  end(): void {
    this.#socket.destroySoon();
  }

  #take(bytes: Buffer): void {
    this.#inbox = Buffer.concat([this.#inbox, bytes]);
    if (!this.#hasHeader) {
      if (this.#inbox.length < protocolHeaderBytes) return;
      this.#hasHeader = true;
      this.#inbox = this.#inbox.subarray(protocolHeaderBytes);
      this.#met("ProtocolHeader", 0, {});
    }
    for (let frame = this.#next(); frame !== false; frame = this.#next()) {
      this.#inbox = frame.rest;
      const { id, fields = {}, size, content } = frames.decodeFrame(frame);
      if (content !== undefined) this.bodies.push(content.toString());
      if (id !== undefined && size === undefined) this.#met(defs.info(id).name, frame.channel, fields);
    }
  }

  #next(): Frame | false {
    return frames.parseFrame(this.#inbox, frameMax);
  }

  #met(method: string, channel: number, fields: Fields): void {
    if (method === "ChannelCloseOk") this.#closing.delete(channel);
    if (this.#closing.has(channel)) return;
    this.methods.push(method);
    if (method === "BasicPublish") {
      this.published++;
      this.publishedOn = channel;
    }
    if (this.#script()(method, this, channel, fields) === "answered") return;
    if (method === "ProtocolHeader") {
      this.send("ConnectionStart", {
        versionMajor: 0,
        versionMinor: 9,
        serverProperties: {},
        mechanisms: Buffer.from("PLAIN AMQPLAIN"),
        locales: Buffer.from("en_US"),
      });
      return;
    }
    this.answer(method, channel, fields);
  }

  /** Sends the default answer to a method. */
  answer(method: string, channel: number, fields: Fields): void {
    if (fields["nowait"] === true) return;
    const answer = answers[method]?.(fields);
    if (answer !== undefined) this.send(...answer, channel);
  }
}

function encode(method: string, channel: number, fields: Fields): Buffer {
  const id = defs[method];
  if (id === undefined) throw new Error(`AMQP has no method ${method}`);
  return defs.encodeMethod(id, channel, fields);
}
