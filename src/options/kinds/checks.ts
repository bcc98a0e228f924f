import { groupNameFault } from "../../group-name.ts";
import { hostRuleOf, isHandlerUrl } from "../../host.ts";
import { networkOf } from "../../network.ts";
import { isOriginRule } from "../../origin.ts";
import { NotOfThisKind } from "./kinds.ts";

/** Further checks for certain options. Each throws `NotOfThisKind` with what it expects. */

/** The embedded broker's URL. */
export const memoryBroker = "memory:";

/** One item of `--broker`. @throws NotOfThisKind */
export function checkBrokerUrl(item: string): void {
  if (item === memoryBroker) return;
  const url = URL.parse(item);
  if (url === null || !["amqp:", "amqps:"].includes(url.protocol) || url.hostname === "" || url.hash !== "") {
    throw new NotOfThisKind("must be memory: or URLs like amqp://user:password@host:5672/vhost");
  }
  for (const [name, value] of url.searchParams) checkBrokerParameter(name, value);
}

/** Parameters of RabbitMQ's own clients in URIs, and what to use here instead. */
const insteadOfParameter: Readonly<Record<string, string>> = {
  cacertfile: "use --broker-ca",
  certfile: "use --broker-cert",
  keyfile: "use --broker-key",
  verify: "leave it out, certificates are always checked",
  server_name_indication: "leave it out, it is the host of the URL",
  auth_mechanism: "leave it out, a client certificate logs in where the URL names no user",
};

/** Refuses a parameter that Warren would ignore. It must not look as if it were in force, least of all if it concerns certificates. */
function checkBrokerParameter(name: string, value: string): void {
  if (name !== "heartbeat") {
    // Any other name may be part of a password that is not percent-encoded.
    const instead = insteadOfParameter[name.toLowerCase()];
    const fault = instead === undefined ? "no other" : `not ${name}: ${instead}`;
    throw new NotOfThisKind(`may have the parameter heartbeat, and ${fault}`);
  }
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535)
    throw new NotOfThisKind("may have a heartbeat of 0 to 65535 seconds");
}

/** The value of `--handler`. @throws NotOfThisKind */
export function checkHandler(value: string): void {
  if (isHandlerUrl(value) ? URL.canParse(value) : !/^\w[\w+.-]+:\/\//.test(value)) return;
  throw new NotOfThisKind("must be a file, or a URL like https://host:8080/path");
}

/** The value of `--jwks-url`. @throws NotOfThisKind */
export function checkKeySetUrl(value: string): void {
  const url = URL.parse(value);
  if (url === null || !["https:", "http:"].includes(url.protocol))
    throw new NotOfThisKind("must be an https:// URL, or http:// on this machine (localhost)");
}

/** A URL to send to. @throws NotOfThisKind */
export function checkHttpUrl(value: string): void {
  const url = URL.parse(value);
  if (url === null || !["https:", "http:"].includes(url.protocol) || url.hostname === "")
    throw new NotOfThisKind("must be a URL like http://localhost:4318");
}

/** Whether others on the network could change the answer of this URL: with keys of their own they could make tokens. */
export function isExposed(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "http:" && !["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}

/** One item of `--allow-origin`. @throws NotOfThisKind */
export function checkOrigin(item: string): void {
  if (isOriginRule(item)) return;
  throw new NotOfThisKind(
    "must be origins like https://app.example.org, https://*.example.org or capacitor://localhost, without a path, or * or null",
  );
}

/** One item of `--allow-host`. @throws NotOfThisKind */
export function checkHost(item: string): void {
  if (hostRuleOf(item) !== undefined) return;
  throw new NotOfThisKind(
    "must be names like warren.example.org or *.example.org, without scheme and port, or *",
  );
}

/** One item of `--trust-proxy`. @throws NotOfThisKind */
export function checkNetwork(item: string): void {
  if (networkOf(item) !== undefined) return;
  throw new NotOfThisKind("must be networks like 10.0.0.0/8 or fd00::/8, or addresses");
}

/** One item of `--url`. @throws NotOfThisKind */
export function checkWebSocketUrl(value: string): void {
  const url = URL.parse(value);
  if (url === null || !["ws:", "wss:"].includes(url.protocol) || url.hostname === "") {
    throw new NotOfThisKind("must be a URL like ws://127.0.0.1:8000/ws or wss://gateway.example.org/ws");
  }
}

/** A group is part of a queue's name, which AMQP limits to 255 bytes. */
export function checkGroup(value: string): void {
  const fault = groupNameFault(value);
  if (fault !== undefined) throw new NotOfThisKind(fault);
}
