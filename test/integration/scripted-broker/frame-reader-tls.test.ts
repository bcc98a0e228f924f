import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:tls";
import { connect } from "amqplib";
import { FrameReader } from "../../../src/broker/rabbitmq/frames/frame-reader.ts";
import { receiving } from "../../../src/broker/rabbitmq/frames/innards.ts";
import { CertificateAuthority } from "../../support/certificates.ts";
import { FakeAmqp } from "../../support/fake-amqp.ts";
import { integrationTimeoutMs } from "../../support/timeout.ts";
import { until } from "../../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

const folder = mkdtempSync(join(tmpdir(), "warren-tls-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("over TLS what comes is read as it comes, left alone while the socket is paused, and the end is heard after it", async () => {
  await using fake = await FakeAmqp.start();
  const authority = await CertificateAuthority.create(folder);
  const { cert, key } = await authority.issue("localhost");
  const { port } = new URL(fake.url);
  const terminator = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (socket) => {
    const inner = connectTcp(Number(port), "127.0.0.1");
    socket
      .on("error", () => undefined)
      .pipe(inner.on("error", () => undefined))
      .pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(terminator, "listening");
  const { port: tlsPort } = terminator.address() as { readonly port: number };
  try {
    const connection = await connect(`amqps://guest:guest@localhost:${tlsPort}`, {
      ca: readFileSync(authority.cert),
      noDelay: true,
    });
    const heard: unknown[] = [];
    const closed = Promise.withResolvers<void>();
    connection.on("error", ({ message }: Error) => heard.push(message));
    connection.on("close", () => closed.resolve());
    new FrameReader(connection);
    const channel = await connection.createChannel();
    const { consumerTag } = await channel.consume("q", (message) => {
      heard.push(message?.fields.deliveryTag);
    });
    const peer = fake.peers[0]!;
    const handle = receiving(connection).stream._handle!;
    const deliver = (first: number, last: number) => {
      for (let tag = first; tag <= last; tag++) peer.deliverRecord(1, consumerTag, tag, tag);
    };
    deliver(1, 100);
    await until(() => heard.length === 100, "what was sent");
    handle.pause();
    deliver(101, 300);
    handle.resume();
    await until(() => heard.length === 300, "what was sent meanwhile");
    deliver(301, 302);
    peer.end();
    await closed.promise;
    const tags = Array.from({ length: 302 }, (_, index) => index + 1);
    expect(heard).toEqual([...tags, "Unexpected close"]);
  } finally {
    terminator.close();
  }
});
