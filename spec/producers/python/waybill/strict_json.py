"""JSON as an envelope may be written: no two readers can take it differently. envelope.md, "The text"."""

import re

from .refusal import Refused, step

MAX_BYTES = 1_048_576
MAX_DEPTH = 32
MAX_VALUES = 10_000
MAX_INTEGER = 2**53 - 1

BLANKS = re.compile(r"[ \t\n\r]*")
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
FORBIDDEN = re.compile("[\x00\ud800-\udfff]")
NONCHARACTER = re.compile("[\ufffe\uffff]")
PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
WORDS = {"t": ("true", True), "f": ("false", False), "n": ("null", None)}


def parse(body):
    """Returns the value of a body, given as bytes or as text."""
    data = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    if len(data) > MAX_BYTES:
        raise Refused("BODY_TOO_LARGE", "", f"over {MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("ENCODING_INVALID", "", f"not UTF-8: {error.reason}") from None
    if text.startswith("\ufeff"):
        raise Refused("BOM_FORBIDDEN", "", "begins with a byte order mark")
    return _Reader(text).whole()


class _Reader:
    def __init__(self, text):
        self.text = text
        self.at = 0
        self.values = 0

    def whole(self):
        value = self.value("", 1)
        if self.next() != "":
            raise self.syntax("something follows the value")
        return value

    def next(self):
        """Returns the next character that is not blank, without consuming it; "" at the end."""
        self.at = BLANKS.match(self.text, self.at).end()
        return self.text[self.at : self.at + 1]

    def take(self, wanted):
        if self.next() != wanted:
            raise self.syntax(f"{wanted} is missing")
        self.at += 1

    def value(self, pointer, depth):
        first = self.next()
        self.values += 1
        if self.values > MAX_VALUES:
            raise Refused("JSON_TOO_MANY_VALUES", "", f"over {MAX_VALUES} values")
        if first in ("{", "[") and depth > MAX_DEPTH:
            raise Refused("JSON_TOO_DEEP", pointer, f"nested deeper than {MAX_DEPTH} levels")
        if first == "{":
            return self.object(pointer, depth)
        if first == "[":
            return self.array(pointer, depth)
        if first == '"':
            return self.string(pointer)
        if first in WORDS:
            word, value = WORDS[first]
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return value
        return self.number(pointer)

    def object(self, pointer, depth):
        members = {}
        self.at += 1
        if self.next() == "}":
            self.at += 1
            return members
        while True:
            if self.next() != '"':
                raise self.syntax("a key is missing")
            key = self.string(pointer)
            inner = pointer + step(key)
            if key in members:
                raise Refused("JSON_DUPLICATE_KEY", inner, "written twice in its object")
            self.take(":")
            members[key] = self.value(inner, depth + 1)
            if self.next() == "}":
                self.at += 1
                return members
            self.take(",")

    def array(self, pointer, depth):
        items = []
        self.at += 1
        if self.next() == "]":
            self.at += 1
            return items
        while True:
            items.append(self.value(f"{pointer}/{len(items)}", depth + 1))
            if self.next() == "]":
                self.at += 1
                return items
            self.take(",")

    def string(self, pointer):
        text, pieces = self.text, []
        begin = self.at
        self.at += 1
        while True:
            plain = PLAIN.match(text, self.at)
            pieces.append(plain.group())
            self.at = plain.end() + 1
            stop = text[plain.end() : self.at]
            if stop == '"':
                break
            if stop != "\\":
                raise self.syntax("a string has no end, or holds a control character")
            pieces.append(self.escape())
        if NONCHARACTER.search(text, begin, self.at):
            raise Refused("JSON_STRING_FORBIDDEN", pointer, "U+FFFE and U+FFFF are written as escapes")
        content = "".join(pieces)
        if len(pieces) > 1:
            content = PAIR.sub(lambda pair: pair.group().encode("utf-16-le", "surrogatepass").decode("utf-16-le"), content)
        if FORBIDDEN.search(content):
            raise Refused("JSON_STRING_FORBIDDEN", pointer, "U+0000, or half of a surrogate pair")
        return content

    def escape(self):
        letter = self.text[self.at : self.at + 1]
        self.at += 1
        if letter in ESCAPES:
            return ESCAPES[letter]
        digits = self.text[self.at : self.at + 4]
        self.at += 4
        if letter != "u" or not re.fullmatch("[0-9a-fA-F]{4}", digits):
            raise self.syntax("an escape that JSON does not have")
        return chr(int(digits, 16))

    def number(self, pointer):
        found = NUMBER.match(self.text, self.at)
        if found is None:
            raise self.syntax("no value")
        self.at = found.end()
        token, fraction, exponent = found.group(0, 1, 2)
        if fraction is None and exponent is None:
            # Python refuses to convert thousands of digits, and need not.
            if len(token) > 17 or abs(int(token)) > MAX_INTEGER:
                raise Refused("JSON_NUMBER_RANGE", pointer, f"{token[:40]} is beyond 2^53 - 1; send it as a string")
            return int(token)
        value = float(token)
        if value in (float("inf"), float("-inf")):
            raise Refused("JSON_NUMBER_RANGE", pointer, f"{token[:40]} is beyond every double")
        return value

    def syntax(self, message):
        return Refused("JSON_SYNTAX", "", f"not JSON: {message}, at character {self.at}")
