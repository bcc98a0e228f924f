import { type ChannelModel, connect } from "amqplib";
import { codeOf, FatalError, reasonOf } from "../../../errors.ts";
import { withoutPassword } from "../../../redact.ts";
import { version } from "../../../version.ts";
import { type AccessOptions, accessBy, credentialsOf, loginTo } from "./access.ts";

const timeoutMs = 10_000;

/**
 * Opens one connection for a command, to the first node that accepts it.
 *
 * @param command the connection's name in RabbitMQ's management page
 * @throws FatalError if no node does
 */
export async function connectOnce(
  options: AccessOptions & { readonly broker: readonly string[] },
  command: string,
): Promise<ChannelModel> {
  const secrets = accessBy(options).read();
  let why = "";
  for (const href of options.broker) {
    const login = loginTo(href, secrets);
    try {
      const connection = await connect(login.url.href, {
        ...secrets.tls,
        credentials: credentialsOf(login),
        noDelay: true,
        timeout: timeoutMs,
        clientProperties: { connection_name: `warren ${command}`, product: "Warren", version },
      });
      connection.on("error", () => undefined);
      return connection;
    } catch (error) {
      why = `${withoutPassword(href)}: ${reasonOf(error)}`;
    }
  }
  throw new FatalError(
    why.includes("Handshake terminated by server")
      ? `RabbitMQ does not let this command in: ${why}; correct --broker`
      : `RabbitMQ cannot be reached: ${why}; does it run, and is --broker right?`,
  );
}

/**
 * Does a piece of work on a connection of its own, and closes it.
 *
 * @param missing describes what is wrong if a queue that the work needs does not exist
 * @throws FatalError in one line
 */
export async function workOn<Result>(
  connection: ChannelModel,
  work: () => Promise<Result>,
  missing?: string,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (missing !== undefined && codeOf(error) === 404) throw new FatalError(missing);
    throw error instanceof FatalError ? error : new FatalError(`RabbitMQ: ${reasonOf(error)}`);
  } finally {
    // It may be closed already, which may be why the work failed.
    await connection.close().catch(() => undefined);
  }
}
