"""Feeds the dashboard: publishes a value for each of some topics, and knows nothing of Warren but the exchange "towsmanager".

Run it by: python3 prices.py amqp://guest:guest@localhost:5672
"""
import sys

import pika

connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
channel = connection.channel()
for round in range(3):
    for currency in ("eur", "usd", "chf"):
        channel.basic_publish("towsmanager", f"price.{currency}", f"{currency} {round}".encode())
connection.close()
