import type { RabbitmqNode } from "../support/rabbitmq.ts";
import { until } from "../support/wait.ts";

/**
 * How long to wait for a queue that is not there, in milliseconds: while everybody that knows the group is cut off from RabbitMQ, nobody declares
 * it.
 */
const undeclaredMsMax = 5000;
const answerMsMax = 1000;

/**
 * Waits until the process that moves a quorum queue's dead letters is registered with the queue. If the queue is deleted before, this process fails
 * twice in a row, with which RabbitMQ before 3.10.20 and 3.11.12 ends those of all queues of the node, and the queues after them
 * (rabbitmq-server 7677, docs/reliability.md). No client can mend that.
 *
 * @param queue the Erlang term that names it
 */
export async function deadLetterWorker(
  node: Pick<RabbitmqNode, "eval">,
  queue: string,
  patienceMs: number,
): Promise<void> {
  // A worker answers when it is registered. Its state begins with its queue's name.
  const state = `element(2, sys:get_state(Pid, ${answerMsMax}))`;
  const workers = "supervisor:which_children(rabbit_fifo_dlx_sup)";
  const isThere = `lists:any(fun({_, Pid, _, _}) -> (catch ${state}) =:= Name end, ${workers})`;
  const question = `Name = ${queue}, case rabbit_amqqueue:lookup(Name) of {ok, _} -> ${isThere}; _ -> undeclared end`;
  const since = performance.now();
  const isReady = async () => {
    const answer = await node.eval(question);
    return answer === "true" || (answer === "undeclared" && performance.now() - since > undeclaredMsMax);
  };
  await until(isReady, `RabbitMQ to have a dead-letter worker for ${queue}`, patienceMs);
}

/** Whether RabbitMQ has ended the dead-letter workers of all queues: then no queue that has one can be opened until the node is restarted. */
export async function hasEndedDeadLetters(node: Pick<RabbitmqNode, "eval">): Promise<boolean> {
  return (await node.eval("whereis(rabbit_fifo_dlx_sup)")) === "undefined";
}
