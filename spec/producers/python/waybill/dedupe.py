"""Keys for jobs that have none of their own. envelope.md, "dedupe"."""

import hashlib

from .canonical import canonical
from .refusal import Refused


def computed_key(type, queue, args, members=None):
    """Returns the computed key. `queue` None: equal jobs of different queues have one key. `members`: only these of args[0] count."""
    if members is not None:
        if not args or not isinstance(args[0], dict):
            raise Refused("FIELD_TYPE", "/args/0", "no object whose members could decide")
        args = [{name: args[0][name] for name in members if name in args[0]}]
    return "sha256:" + hashlib.sha256(canonical([type, queue, args]).encode()).hexdigest()
