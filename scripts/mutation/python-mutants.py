"""Takes one validation after the other out of spec/producers/python and answers the vectors without it.

Prints one JSON object a line: {"file", "what", "missed"}; `missed` names the first vector that comes out otherwise, or is
null. The first line is the code as it is, as {"file": null}. Each runs in a process of its own, for ten seconds at most.
"""

import ast
import copy
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import signal
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "spec/producers/python"
VECTORS = ROOT / "spec/1.0/vectors"
FILES = ["strict_json.py", "rules.py", "envelope.py", "times.py", "dedupe.py", "derived.py", "signing.py", "push.py", "storing.py", "running.py", "bindings.py"]
LIMITED = {"integer": (-(10**300), 10**300), "number": (-(10**300),), "text": (10**9,), "listing": (-1, 10**9)}
TABLES = {"RESERVED", "RETRY", "DEDUPE", "FIELDS"}
BESIDE = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
SECONDS = 10


def edits(tree):
    """Pairs of a node and what is put in its place."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
            yield node, ast.Pass()
        if isinstance(node, ast.BoolOp):
            for index in range(len(node.values)):
                rest = node.values[:index] + node.values[index + 1 :]
                yield node, rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
        if isinstance(node, ast.Compare):
            yield from compared(node)
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            for given, limit in zip(node.args, LIMITED.get(name, ())):
                if isinstance(given, (ast.Constant, ast.UnaryOp)) and ast.unparse(given) != "0":
                    yield given, ast.Constant(limit)
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in TABLES:
            for rule in node.value.values:
                yield rule, ast.parse("lambda value, pointer: None", mode="eval").body


def compared(node):
    """Each part of a chain taken out, and each bound moved by one."""
    for index, operator in enumerate(node.ops):
        if len(node.ops) == 2:
            values = [node.left, *node.comparators]
            yield node, ast.Compare(values[1 - index], [node.ops[1 - index]], [values[2 - index]])
        if type(operator) in BESIDE:
            moved = [*node.ops[:index], BESIDE[type(operator)](), *node.ops[index + 1 :]]
            yield node, ast.Compare(node.left, moved, node.comparators)


class Put(ast.NodeTransformer):
    def __init__(self, node, other):
        self.node, self.other = node, other

    def visit(self, node):
        if node is self.node:
            return ast.copy_location(self.other, node)
        return self.generic_visit(node)


def mutants():
    for name in FILES:
        path = PROGRAM / "waybill" / name
        source = path.read_text()
        count = len(list(edits(ast.parse(source))))
        for number in range(count):
            tree = ast.parse(source)
            node, other = list(edits(tree))[number]
            line = source.splitlines()[node.lineno - 1].strip()
            cut, put = ast.unparse(node), ast.unparse(ast.fix_missing_locations(copy.deepcopy(other)))
            shown = f"{cut[:90]} -> {put[:90]}" + ("" if cut == line else f" in {line[:90]}")
            yield name, shown, compile(ast.fix_missing_locations(Put(node, other).visit(tree)), path, "exec")


class Finder:
    """Finds the package's modules, one of them as `code` has it."""

    def __init__(self, name, code):
        self.name, self.code = name, code

    def find_spec(self, module, path=None, target=None):
        package, _, name = module.partition(".")
        if package != "waybill":
            return None
        file = PROGRAM / "waybill" / f"{name or '__init__'}.py"
        loader = importlib.machinery.SourceFileLoader(module, str(file))
        code = self.code if file.name == self.name else compile(file.read_text(), file, "exec")
        loader.get_code = lambda _: code
        return importlib.util.spec_from_file_location(module, file, loader=loader)


def questions():
    for path in sorted(VECTORS.glob("**/*.json")):
        folder = path.parent.relative_to(VECTORS).as_posix()
        for case in json.loads(path.read_text()):
            wanted = {"error": case["error"]} if "error" in case else {"expect": case["expect"]}
            yield folder, case["name"], case["input"], json.dumps(wanted, sort_keys=True)


def missed(cases, name, code):
    """The first vector that comes out otherwise; "" for none. Called in a process of its own."""
    sys.meta_path.insert(0, Finder(name, code))
    sys.path.insert(0, str(PROGRAM))
    try:
        import answer

        for folder, case, given, wanted in cases:
            said = answer.answer({"folder": folder, "input": given})
            if json.dumps(said, sort_keys=True) != wanted:
                return f"{folder}: {case}"
    except Exception as error:
        return f"crashed: {type(error).__name__}: {error}"[:200]
    return ""


def in_own_process(cases, name, code):
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        os.write(writable, missed(cases, name, code).encode() or b"\0")
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return None if said == b"\0" else said.decode() or f"nothing within {SECONDS} s"


def tell(**said):
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    cases = list(questions())
    tell(file=None, what="as it is", missed=in_own_process(cases, None, None))
    for name, what, code in mutants():
        tell(file=name, what=what, missed=in_own_process(cases, name, code))
