class Refused(Exception):
    """Some rule is broken: the spec's code, and a JSON Pointer to the place, where "" is the whole."""

    def __init__(self, code, pointer, message):
        super().__init__(f"{pointer}: {message}" if pointer else message)
        self.code = code
        self.pointer = pointer if len(pointer) <= 200 else pointer[:200] + "…"


def step(name):
    """Returns a JSON Pointer that is longer by one step."""
    return "/" + name.replace("~", "~0").replace("/", "~1")
