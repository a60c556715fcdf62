"""What a producer must compute where the queue asks for more than an envelope. bindings/sqs.md, bindings/rabbitmq.md."""

import hashlib
import re

RUNG_MS = 100
RUNGS = 22


def sqs_names(prefix, queue, fifo):
    """Returns the SQS names of a queue and of its prefix's dead-letter queue."""
    end = ".fifo" if fifo else ""
    return {"queue": f"{prefix}-{queue.replace('.', '_')}{end}", "dead": f"{prefix}_dead{end}"}


def sqs_group(name):
    """Returns the message group for a tenant or an id: the text itself where SQS accepts it as a name, else its SHA-256."""
    return name if re.fullmatch("[!-~]{1,128}", name) else hashlib.sha256(name.encode()).hexdigest()


def sqs_send(prefix, queue, fifo, id, tenant):
    group = sqs_group(id if tenant is None else tenant) if fifo or tenant is not None else None
    return {**sqs_names(prefix, queue, fifo), "group": group, "deduplication_id": sqs_group(id) if fifo else None}


def rabbitmq_declare(prefix, queue, queue_type="quorum", delivery_limit=100):
    """Returns the exact declaration of a work queue. The broker refuses any other."""
    arguments = {
        "x-queue-type": queue_type,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": f"{prefix}:dead",
    }
    if queue_type == "quorum":
        arguments["x-delivery-limit"] = delivery_limit
        arguments["x-overflow"] = "reject-publish"
        arguments["x-dead-letter-strategy"] = "at-least-once"
    return {
        "queue": f"{prefix}.{queue}",
        "durable": True,
        "exclusive": False,
        "auto_delete": False,
        "arguments": arguments,
    }


def rabbitmq_route(prefix, queue, delay_ms):
    """Returns the exchange and routing key that deliver a message to a work queue after a delay of at most all levels together."""
    steps = -(-delay_ms // RUNG_MS)
    if steps == 0:
        return {"exchange": "", "routing_key": f"{prefix}.{queue}"}
    digits = format(steps, f"0{RUNGS}b")
    longest = RUNG_MS << (RUNGS - 1 - digits.index("1"))
    return {"exchange": f"{prefix}:level-{longest}ms", "routing_key": f"{'.'.join(digits)}.{queue}"}
