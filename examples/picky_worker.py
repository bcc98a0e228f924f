"""A program that gets only the topics that it wants: a topic exchange behind Warren's sorts them out.

Run it by: python3 picky_worker.py amqp://guest:guest@localhost:5672
"""
import sys

import pika

channel = pika.BlockingConnection(pika.URLParameters(sys.argv[1])).channel()
channel.exchange_declare("picky", "topic", durable=True)
channel.exchange_bind("picky", "wsmanager", "")
queue = channel.queue_declare("", exclusive=True).method.queue
channel.queue_bind(queue, "picky", "order.#")
print("ready", flush=True)
for method, properties, body in channel.consume(queue):
    channel.basic_publish("towsmanager", "order.seen", b"seen: " + body)
    channel.basic_ack(method.delivery_tag)
