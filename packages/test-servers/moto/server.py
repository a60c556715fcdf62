"""moto's server, with the calls of one process on SQS one after the other, as on AWS they are for the messages of a queue.

moto 5.2 handles requests in threads and guards none of these lists: two calls at the same time receive the same message, and a
message that is sent while another is deleted is lost. Only the waiting of a long poll is outside the lock.
"""

import functools
import threading
import time

from moto.server import main
from moto.sqs.models import SQSBackend

lock = threading.RLock()
LOOK_SECONDS = 0.01


def one_at_a_time(verb):
    @functools.wraps(verb)
    def call(*given, **named):
        with lock:
            return verb(*given, **named)

    return call


for name in ("send_message", "delete_message", "change_message_visibility", "receive_message"):
    setattr(SQSBackend, name, one_at_a_time(getattr(SQSBackend, name)))

receive_now = SQSBackend.receive_message


@functools.wraps(receive_now)
def receive_message(self, queue_name, count, wait_seconds_timeout, *rest, **named):
    until = time.monotonic() + wait_seconds_timeout
    while True:
        found = receive_now(self, queue_name, count, 0, *rest, **named)
        if found or time.monotonic() >= until:
            return found
        time.sleep(LOOK_SECONDS)


SQSBackend.receive_message = receive_message

main()
