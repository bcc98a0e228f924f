import { afterAll } from "bun:test";
import { checkIntervals, watchIntervals } from "./intervals.ts";
import { stopSharedRabbitmq } from "./rabbitmq.ts";

// Named in bunfig.toml, so it is run before every test run. It starts nothing: a test that needs RabbitMQ, Chromium or
// Python asks for it, and fails with what to install where it is missing.

watchIntervals();
afterAll(stopSharedRabbitmq);
afterAll(checkIntervals);
