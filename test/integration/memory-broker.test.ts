import { setDefaultTimeout } from "bun:test";
import { MemoryBroker } from "../../src/broker/memory.ts";
import { describeBrokerContract } from "../contract/broker.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";

setDefaultTimeout(integrationTimeoutMs);

describeBrokerContract("the embedded broker", () => Promise.resolve(new MemoryBroker()));
