import { isPattern } from "../../src/topics/pattern.ts";
import { destinationOf } from "../../src/wire/stomp/destinations.ts";

/** Code for the page's topic, for one language or tool. */
export interface Snippet {
  /** The language, or the tool. */
  readonly name: "JavaScript" | "Python" | "curl" | "wscat";
  /** The code, of one or more lines. */
  readonly code: string;
}

/**
 * Code for this topic, to copy. It contains no token, since people paste code where others read it.
 *
 * @param page the address of the page
 * @param topic a topic or a pattern
 * @param needsToken whether clients need one
 */
export function snippetsFor(page: string, topic: string, needsToken: boolean): readonly Snippet[] {
  const http = new URL(".", page);
  const ws = new URL("ws", http);
  ws.protocol = http.protocol === "https:" ? "wss:" : "ws:";
  const destination = JSON.stringify(destinationOf(topic));
  const passcode = needsToken ? ', connectHeaders: { passcode: "YOUR TOKEN" }' : "";
  const javascript = [
    'import { Client } from "@stomp/stompjs";',
    "",
    `const client = new Client({ brokerURL: ${JSON.stringify(ws.href)}${passcode} });`,
    "client.onConnect = () => {",
    `  client.subscribe(${destination}, ({ body }) => console.log(body));`,
    ...(isPattern(topic) ? [] : [`  client.publish({ destination: ${destination}, body: "hello" });`]),
    "};",
    "client.activate();",
  ];
  const python = isPattern(topic)
    ? pythonThatHears(topic)
    : [
        "import pika",
        "",
        'connection = pika.BlockingConnection(pika.URLParameters("amqp://guest:guest@localhost"))',
        `connection.channel().basic_publish("towsmanager", ${JSON.stringify(topic)}, b"hello")`,
        "connection.close()",
      ];
  const bearer = needsToken ? " -H 'Authorization: Bearer YOUR TOKEN'" : "";
  const topicUrl = new URL(`topics/${topic.split("/").map(encodeURIComponent).join("%2F")}`, http).href;
  const curl = [
    `curl -N -H 'Accept: text/event-stream'${bearer} ${quoted(topicUrl)}`,
    ...(isPattern(topic) ? [] : [`curl -d hello -H 'Content-Type: text/plain'${bearer} ${quoted(topicUrl)}`]),
  ];
  return [
    { name: "JavaScript", code: javascript.join("\n") },
    { name: "Python", code: python.join("\n") },
    { name: "curl", code: curl.join("\n") },
    { name: "wscat", code: wscatFor(ws, topic, needsToken) },
  ];
}

/** wscat speaks plain text, which has no patterns: one cannot type the NUL that ends a STOMP frame. */
function wscatFor(ws: URL, topic: string, needsToken: boolean): string {
  const plain = new URL(ws);
  if (topic !== "") plain.searchParams.set("topic", isPattern(topic) ? "TOPIC" : topic);
  if (needsToken) plain.searchParams.set("token", "YOUR-TOKEN");
  const command = `wscat -c ${quoted(plain.href)}`;
  return isPattern(topic) ? `# wscat speaks plain text, which is on one topic alone:\n${command}` : command;
}

/** Code that consumes the messages of clients on matching topics. */
function pythonThatHears(pattern: string): readonly string[] {
  return [
    "import pika",
    "",
    'channel = pika.BlockingConnection(pika.URLParameters("amqp://guest:guest@localhost")).channel()',
    // RabbitMQ deletes this exchange with its queue. Its name should not clash with an application's.
    'channel.exchange_declare("by-topic", "topic", auto_delete=True)',
    'channel.exchange_bind("by-topic", "wsmanager")',
    'queue = channel.queue_declare("", exclusive=True).method.queue',
    `channel.queue_bind(queue, "by-topic", ${JSON.stringify(pattern)})`,
    "for method, properties, body in channel.consume(queue, auto_ack=True):",
    "    print(method.routing_key, body)",
  ];
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
