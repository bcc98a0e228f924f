"""Speaks with a manager by nothing but Python's standard library: python3 urllib_client.py URL-OF-A-TOPIC"""

import json
import sys
import urllib.error
import urllib.request

topic = sys.argv[1]


def ask(url, body=None):
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "text/plain"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return response.status, response.headers, response.read().decode()


# A poll that has nothing to wait for says where to begin.
status, headers, _ = ask(topic + "?wait=0s")
assert status == 204, status
begin = headers["Warren-Next"]
status, _, _ = ask(topic, b"from Python")
print(status, "from Python")
_, _, text = ask(f"{topic}?wait=30s&from={begin}")
first = json.loads(text.splitlines()[0])
print("answered by poll:", first["body"])
