"""What one value may be. A rule takes the value and its pointer, and raises or says nothing."""

import re

from .refusal import Refused, step
from .times import duration_ms, timestamp_ms

ID = "[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
TYPE = r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*"
QUEUE = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?"
URI_REFERENCE = r"([A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*"
URI = r"[A-Za-z][A-Za-z0-9+.-]*:" + URI_REFERENCE


def of_type(kind, value, pointer):
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise Refused("FIELD_TYPE", pointer, f"a value of another type; write {kind}")


def boolean(value, pointer):
    of_type(bool, value, pointer)


def array(value, pointer):
    of_type(list, value, pointer)


def text(longest, form=None, code=None):
    """1 to `longest` characters that match `form` as a whole."""

    def rule(value, pointer):
        of_type(str, value, pointer)
        if not 1 <= len(value) <= longest:
            raise Refused("LENGTH_INVALID", pointer, f"not 1 to {longest} characters")
        if form is not None and not re.fullmatch(form, value):
            raise Refused(code, pointer, f"does not match {form}")

    return rule


def identifier(value, pointer):
    of_type(str, value, pointer)
    if not re.fullmatch(ID, value):
        raise Refused("ID_INVALID", pointer, "not a UUID in lower case with hyphens")


def integer(least, most):
    """5.0 and 6e1 are integers too."""

    def rule(value, pointer):
        of_type((int, float), value, pointer)
        if value != int(value):
            raise Refused("FIELD_TYPE", pointer, "a fraction; write an integer")
        if not least <= value <= most:
            raise Refused("RANGE_INVALID", pointer, f"not {least} to {most}")

    return rule


def number(least):
    def rule(value, pointer):
        of_type((int, float), value, pointer)
        if value < least:
            raise Refused("RANGE_INVALID", pointer, f"less than {least}")

    return rule


def one_of(*allowed):
    def rule(value, pointer):
        of_type(str, value, pointer)
        if value not in allowed:
            raise Refused("VALUE_UNKNOWN", pointer, f"not one of {', '.join(allowed)}")

    return rule


def moment(value, pointer):
    of_type(str, value, pointer)
    timestamp_ms(value, pointer)


def duration(value, pointer):
    of_type(str, value, pointer)
    duration_ms(value, pointer)


def listing(least, most, item):
    def rule(value, pointer):
        array(value, pointer)
        if not least <= len(value) <= most:
            raise Refused("LENGTH_INVALID", pointer, f"not {least} to {most} entries")
        for index, entry in enumerate(value):
            item(entry, f"{pointer}/{index}")

    return rule


def closed(members, required=()):
    """An object with these members only: ignoring a misspelt one would change how the job runs."""

    def rule(value, pointer):
        of_type(dict, value, pointer)
        for name, member in value.items():
            inner = pointer + step(name[:64])
            if name not in members:
                raise Refused("FIELD_UNKNOWN", inner, f"not one of {', '.join(members)}")
            present(member, inner)
            members[name](member, inner)
        require(value, required, pointer)

    return rule


def present(value, pointer):
    if value is None:
        raise Refused("FIELD_NULL", pointer, "null; leave the field out instead")


def require(fields, names, pointer=""):
    for name in names:
        if name not in fields:
            raise Refused("FIELD_MISSING", f"{pointer}/{name}", "required")
