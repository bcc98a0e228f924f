"""Answers requests that browsers send to /app/fibonacci, as RabbitMQ's RPC tutorial has it: it knows nothing of Warren but one binding.

Run it by: python3 rpc_worker.py amqp://guest:guest@localhost:5672
"""
import sys

import pika


def fibonacci(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


channel = pika.BlockingConnection(pika.URLParameters(sys.argv[1])).channel()

# What clients send is in the exchange "wsmanager", by topic: a topic exchange behind it sorts out what is for this worker.
channel.exchange_declare("requests", "topic", durable=True)
channel.exchange_bind("requests", "wsmanager", "")
channel.queue_declare("rpc_queue", durable=True)
channel.queue_bind("rpc_queue", "requests", "fibonacci")


def on_request(ch, method, props, body):
    ch.basic_publish(
        exchange="",
        routing_key=props.reply_to,
        properties=pika.BasicProperties(correlation_id=props.correlation_id),
        body=str(fibonacci(int(body))),
    )
    ch.basic_ack(delivery_tag=method.delivery_tag)


channel.basic_qos(prefetch_count=1)
channel.basic_consume(queue="rpc_queue", on_message_callback=on_request)
print("ready", flush=True)
channel.start_consuming()
