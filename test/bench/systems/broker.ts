import { freePorts } from "../../support/free-port.ts";
import { type RabbitmqNode, startRabbitmq } from "../../support/rabbitmq.ts";
import { groupCpuSeconds, untilCalm } from "./usage.ts";

const calm = { share: 0.15, ms: 300, msMax: 15_000 };

/** The run's own RabbitMQ node. Each start of a contender gets a new vhost, without anything left from before. */
export class BenchBroker implements AsyncDisposable {
  readonly node: RabbitmqNode;
  #webStompPort: number | undefined;

  private constructor(node: RabbitmqNode) {
    this.node = node;
  }

  static async start(): Promise<BenchBroker> {
    return new BenchBroker(await startRabbitmq());
  }

  /** Creates a vhost. Returns how to remove it with everything in it. */
  async vhost(): Promise<{ url: string; name: string; remove(): Promise<void> }> {
    const url = await this.node.vhost();
    const name = new URL(url).pathname.slice(1);
    const remove = async () => {
      await this.node.eval(`rabbit_vhost:delete(<<"${name}">>, <<"bench">>)`);
    };
    return { url, name, remove };
  }

  /**
   * Where the plugin listens for WebSockets; it is started when first asked for. Undefined if it is not installed.
   *
   * Enabled in the running node because its default ports, which it would take at the start, may be in use.
   */
  async webStomp(): Promise<string | undefined> {
    if (this.#webStompPort === undefined) {
      if (!(await this.#hasPlugin("rabbitmq_web_stomp"))) return undefined;
      const [webPort, plainPort] = freePorts(2) as [number, number];
      await this.node.eval(
        [
          `application:set_env(rabbitmq_web_stomp, tcp_config, [{ip, "127.0.0.1"}, {port, ${webPort}}], [{persistent, true}])`,
          `application:set_env(rabbitmq_stomp, tcp_listeners, [{"127.0.0.1", ${plainPort}}], [{persistent, true}])`,
          `{ok, File} = application:get_env(rabbit, enabled_plugins_file)`,
          `ok = file:write_file(File, "[rabbitmq_web_stomp].\\n")`,
          `{ok, _, _} = rabbit_plugins:ensure(File)`,
        ].join(", "),
      );
      this.#webStompPort = webPort;
    }
    return `ws://127.0.0.1:${this.#webStompPort}/ws`;
  }

  /** Waits until RabbitMQ has little to do, or for a while if it never has. */
  async calm(): Promise<void> {
    await untilCalm(() => groupCpuSeconds(this.node.pid), calm);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node.stop();
  }

  async #hasPlugin(name: string): Promise<boolean> {
    const list = await this.node.eval(
      "[element(2, P) || P <- rabbit_plugins:list(rabbit_plugins:plugins_dir())]",
    );
    return list.includes(name);
  }
}
