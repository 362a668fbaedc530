"""Code that works in a notebook and not in a script, or not twice the same."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from ratchet.notebooks.bodies import root_name
from ratchet.notebooks.needs import ImportedName
from ratchet.notebooks.refusals import Refusal, refusal
from ratchet.notebooks.statements import CodeStatement

_OF_THE_NOTEBOOK = {
    *("globals", "locals", "vars", "dir", "exec", "eval", "compile", "input", "raw_input"),
    *("get_ipython", "breakpoint", "getpass"),
}
_MEMORIES = {"In", "Out", "_", "__", "___", "_i", "__name__", "__file__"}
_REMOTE = {
    *("boto3", "botocore", "requests", "urllib", "urllib2", "urllib3", "s3fs", "sagemaker"),
    *("httpx", "mlflow", "wandb", "google", "snowflake", "kaggle", "psycopg2", "sqlalchemy"),
    *("pymysql", "awswrangler", "datasets"),
}
_FETCHING = ("fetch_", "load_dataset")
_LISTING = {"os.listdir", "os.walk", "os.scandir", "glob.glob", "glob.iglob", "os.getcwd"}
_LISTING_METHODS = {"iterdir", "rglob"}
_CLOCKS = {"now", "utcnow", "today", "localtime", "gmtime", "ctime", "strftime_now"}
_ENVIRONMENT = {"os.environ", "os.getenv", "environ"}
_TODAY = {"today", "now"}


def tricks(
    statements: Sequence[CodeStatement], imports: Mapping[str, ImportedName], own: frozenset[str]
) -> Iterator[Refusal]:
    """What stands against taking statements into a script.

    Args:
        imports: the names that they use and that are imported.
        own: names that they set themselves.
    """
    for statement in statements:
        for node in ast.walk(statement.node):
            line = getattr(node, "lineno", statement.node.lineno)
            for reason, edit in _trick(node, statement, imports, own):
                yield refusal(statement.cell, line, reason, edit)
        yield from _clock_readings(statement)


def _trick(
    node: ast.AST,
    statement: CodeStatement,
    imports: Mapping[str, ImportedName],
    own: frozenset[str],
) -> Iterator[tuple[str, str]]:
    match node:
        case ast.Call():
            yield from _call(node, imports, own)
        case ast.Global(names=names):
            yield f"`global {', '.join(names)}`", "return the value and set the name by it"
        case ast.Name(id=name, ctx=ast.Load()) if name in _MEMORIES and name not in own:
            yield f"`{name}` belongs to the notebook", "give what it stands for a name"
        case ast.Await() | ast.AsyncFor() | ast.AsyncWith():
            if not isinstance(statement.node, ast.AsyncFunctionDef):
                yield "`await` outside of a function", "call it by `asyncio.run(…)`"
        case ast.Attribute() | ast.Subscript() if _dotted(node) in _ENVIRONMENT:
            yield "`os.environ` is another one in a job", "make the value a parameter"
        case ast.ImportFrom(names=[ast.alias(name="*")], module=module):
            yield f"`from {module} import *`", "import what is used by name"


def _call(
    node: ast.Call, imports: Mapping[str, ImportedName], own: frozenset[str]
) -> Iterator[tuple[str, str]]:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    dotted = _dotted(node.func)
    last = dotted.rsplit(".", 1)[-1]
    if name in _OF_THE_NOTEBOOK and name not in own and name not in imports:
        yield f"`{name}()` works on the notebook itself", "write what it does in plain Python"
    module = _module_of(node.func, imports)
    if module.split(".")[0] in _REMOTE:
        yield f"`{dotted}()` asks another machine", _LAND
    elif last.startswith(_FETCHING):
        yield f"`{dotted}()` fetches data", _LAND
    if dotted in _LISTING or (last in _LISTING_METHODS and "." in dotted):
        yield f"`{dotted}()` depends on a folder's content", "name each file in the code"
    if _appends(node):
        yield f"`{dotted}()` adds to a file: what it held before counts too", "write it anew"
    if dotted == "os.getenv":
        yield "`os.getenv` reads another environment in a job", "make the value a parameter"
    if last in ("Timestamp", "to_datetime", "datetime64") and _says_today(node):
        yield f"`{dotted}()` reads the clock", "make the day a parameter"


_LAND = "save the data to a file beside the notebook, and read that file"


_APPENDING = {"a", "ab", "a+", "at", "ab+", "a+b", "r+", "r+b", "rb+"}


def _appends(node: ast.Call) -> bool:
    modes = [keyword.value for keyword in node.keywords if keyword.arg == "mode"]
    if isinstance(node.func, ast.Name) and node.func.id == "open":
        modes += node.args[1:2]
    return any(isinstance(mode, ast.Constant) and mode.value in _APPENDING for mode in modes)


def _says_today(node: ast.Call) -> bool:
    return any(isinstance(arg, ast.Constant) and arg.value in _TODAY for arg in node.args)


def _module_of(func: ast.expr, imports: Mapping[str, ImportedName]) -> str:
    imported = imports.get(root_name(func) or "")
    return imported.module if imported else ""


def _dotted(node: ast.AST) -> str:
    """`os.path.join` of such an expression; of another one what stands after its last bracket."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            before = _dotted(value)
            return f"{before}.{name}" if before else name
    return ""


def _clock_readings(statement: CodeStatement) -> Iterator[Refusal]:
    """Readings of the calendar. One that only measures or prints how long something took is none:
    where it gets into a result, the result differs each time, and the run shows that."""
    measured: set[ast.AST] = set()
    for node in ast.walk(statement.node):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
            measured |= {node.left, node.right}
        elif isinstance(node, ast.Call) and _dotted(node.func) == "print":
            measured |= set(ast.walk(node))
    for node in ast.walk(statement.node):
        if not isinstance(node, ast.Call) or node in measured:
            continue
        reads_clock = _dotted(node.func).rsplit(".", 1)[-1] in _CLOCKS
        if reads_clock and not _is_stopwatch(statement.node, node):
            reason = f"`{ast.unparse(node)[:40]}` reads the clock: tomorrow it is another day"
            yield refusal(statement.cell, node.lineno, reason, "make the day a parameter")


_STOPWATCHES = {
    "start",
    "begin",
    "started",
    "t0",
    "t1",
    "tic",
    "toc",
    "start_time",
    "end_time",
    "end",
}


def _is_stopwatch(statement: ast.stmt, call: ast.Call) -> bool:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if value is call:
            return name in _STOPWATCHES
    return False
