"""A processor in ten lines of Python, unaware of Warren: bind, read text, publish text."""
import sys
import pika

channel = pika.BlockingConnection(pika.URLParameters(sys.argv[1])).channel()
queue = channel.queue_declare("", exclusive=True).method.queue
channel.queue_bind(queue, "wsmanager")
for method, properties, body in channel.consume(queue):
    channel.basic_publish("towsmanager", method.routing_key, b"python says: " + body)
    channel.basic_ack(method.delivery_tag)
