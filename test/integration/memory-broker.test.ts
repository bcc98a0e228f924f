import { MemoryBroker } from "../../src/broker/memory.ts";
import { describeBrokerContract } from "../contract/broker.ts";

describeBrokerContract("the embedded broker", () => Promise.resolve(new MemoryBroker()));
