"""What statements read before they write it, write, and change in place."""

from __future__ import annotations

import ast
import sys

import pytest

from ratchet.notebooks.flow import Flow, flow


def flow_of(text: str) -> Flow:
    return flow(ast.parse(text).body)


READS = [
    # plain statements
    ("y = x", {"x"}),
    ("x = 1\ny = x", set()),
    ("x = x + 1", {"x"}),
    ("n += 1", {"n"}),
    ("a.b += 1", {"a"}),
    ("d[k] += v", {"d", "k", "v"}),
    ("d['k'] = 1", {"d"}),
    ("del x", {"x"}),
    ("x = 1\ndel x\nx", {"x"}),
    ("del d['k']", {"d"}),
    ("a, (b, *c) = t\na, b, c", {"t"}),
    ("a = b = c\na, b", {"c"}),
    ("assert p, q", {"p", "q"}),
    ("raise E(x) from y", {"E", "x", "y"}),
    ("print(len(x))", {"x"}),
    ("__file__, display, _", set()),
    ("x: int = y\nx", {"y"}),
    ("x: T\nx", {"T", "x"}),
    ("f'{a:{w}} {b!r}'", {"a", "w", "b"}),
    ("f'{a=}' 'b'", {"a"}),
    ("x[i:j, ::k]", {"x", "i", "j", "k"}),
    ("a if b else c", {"a", "b", "c"}),
    ("f(*a, **k)", {"f", "a", "k"}),
    # imports
    ("import a.b, c as d\na.b, d", set()),
    ("import a.b\nb", {"b"}),
    ("from m import x as y\ny, x", {"x"}),
    # control flow
    ("if t:\n    w = 1\nw", {"t", "w"}),
    ("if t:\n    w = 1\nelse:\n    w = 2\nw", {"t"}),
    ("if t:\n    w = 1\nelif u:\n    w = 2\nelse:\n    w = 3\nw", {"t", "u"}),
    ("for i in r:\n    s = i\nprint(s, i)", {"r"}),
    ("for d['k'] in r:\n    pass", {"d", "r"}),
    ("while c:\n    c = f()", {"c", "f"}),
    ("with open(p) as f:\n    f.read()", {"p"}),
    ("with a as (x, y), b(x):\n    y", {"a", "b"}),
    ("try:\n    m = f()\nexcept E as e:\n    log(e)\nm\ne", {"f", "E", "log", "e"}),
    ("try:\n    x = 1\n    f()\nexcept E:\n    x\n", {"f", "E", "x"}),
    ("try:\n    x = 1\nfinally:\n    x", set()),
    ("try:\n    x = 1\nexcept* E as g:\n    g", {"E"}),
    # match
    ("match v:\n    case 1:\n        w = 1\n    case _:\n        w = 2\nw", {"v"}),
    ("match v:\n    case 1:\n        w = 1\nw", {"v", "w"}),
    ("match v:\n    case [a, *b]:\n        a, b", {"v"}),
    ("match v:\n    case {'k': a, **rest}:\n        a, rest", {"v"}),
    ("match v:\n    case P(x=a) if a > t:\n        pass", {"v", "P", "t"}),
    ("match v:\n    case m.K | [1] as c:\n        c", {"v", "m"}),
    # walrus
    ("if (n := f()) > n:\n    n", {"f"}),
    ("n > (n := 1)", {"n"}),
    ("[last := x for x in xs]\nlast", {"xs"}),
    ("any((hit := x) for x in xs)\nhit", {"xs"}),
    # comprehensions
    ("[a for a in b]", {"b"}),
    ("[a for a in a]", {"a"}),
    ("[x for x in xs]\nx", {"xs", "x"}),
    ("{k: v for k, v in d.items() if k in ok}", {"d", "ok"}),
    ("{y for x in xs for y in x}", {"xs"}),
    ("[[z for z in y if q] for y in x]", {"x", "q"}),
    ("sum(x * w for x in xs)", {"w", "xs"}),
    # functions
    ("f = lambda q: q + c\nf", {"c"}),
    ("f = lambda q: q + c\nc = 1\nf(2)", set()),
    ("g(lambda q: q + c)", {"g", "c"}),
    ("lambda q=d: q", {"d"}),
    ("def g():\n    return z", set()),
    ("def g():\n    return z\nz = 1\ng()", set()),
    ("def g():\n    return z\ng()\nz = 1", {"z"}),
    ("def g():\n    return z\nmap(g, xs)", {"z", "xs"}),
    ("def g():\n    return z\ng = 1\ng", set()),
    ("def f(a, b=d, *c, e: T = h, **k) -> R:\n    return a, b, c, e, k", {"d", "T", "h", "R"}),
    ("@deco(x)\ndef f():\n    pass", {"deco", "x"}),
    ("def f():\n    def g():\n        return z\n    return g\nf", {"z"}),
    ("def f():\n    z = 1\n    def g():\n        nonlocal z\n        z = 2\n    g()\nf()", set()),
    ("def f(n):\n    return f(n - 1) if n else 0\nf(3)", set()),
    ("def f():\n    return [z for z in zs]\nf()", {"zs"}),
    ("def f():\n    global n\n    n = 1\nf()\nn", set()),
    ("def f():\n    global n\n    n += 1\nf()", {"n"}),
    ("def f():\n    import m\n    return m.x\nf()", set()),
    ("def f():\n    return g()\ndef g():\n    return z\nf()", {"z"}),
    ("def a():\n    return b()\ndef b():\n    return a()\na()", set()),
    ("def f():\n    return z\nif t:\n    z = 1\n    f()\nf()", {"t", "z"}),
    ("def f():\n    return z\nz = 1\nf()\ndel z\nf()", {"z"}),
    ("async def f():\n    return z\nawait f()", {"z"}),
    ("async for a in b:\n    a\nasync with c as d:\n    d", {"b", "c"}),
    ("[x async for x in xs]", {"xs"}),
    # classes
    ("class C(B, metaclass=M):\n    a = 1\n    b = a + c\na", {"B", "M", "c", "a"}),
    ("class C:\n    def m(self):\n        return z", set()),
    ("class C:\n    def m(self):\n        return z\nC()", {"z"}),
    ("class C:\n    a = 1\n    def m(self):\n        return a\nC()", {"a"}),
    ("class C:\n    global g\n    g = 1\ng", set()),
    ("class C:\n    x: int = d\n    y: T", {"d", "T"}),
    ("global x\nx = 1\nx", set()),
]


@pytest.mark.parametrize(("text", "names"), READS)
def test_names_are_read_before_they_are_written(text: str, names: set[str]) -> None:
    assert set(flow_of(text).reads) == names


@pytest.mark.skipif(sys.version_info < (3, 12), reason="syntax of Python 3.12")
@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("type X = list[Y]", set()),
        ("type X = list[Y]\nX", {"Y"}),
        ("type X[T] = list[T]\nX", set()),
        ("def f[T](x: T) -> T:\n    return x\nf", set()),
        ("class C[T](B[T]):\n    pass", {"B"}),
    ],
)
def test_type_parameters_and_aliases_are_scopes(text: str, names: set[str]) -> None:
    assert set(flow_of(text).reads) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a = 1\nb, c = t\nd: int = 2", {"a", "b", "c", "d"}),
        ("d: int", set()),
        ("a = 1\ndel a", set()),
        ("import a.b, c as d\nfrom m import x as y", {"a", "d", "y"}),
        ("def f():\n    q = 1\nclass C:\n    q = 1", {"f", "C"}),
        ("for i in r:\n    s = i", {"i", "s"}),
        ("[x for x in xs]\n[w := x for x in xs]", {"w"}),
        ("try:\n    a = 1\nexcept E as e:\n    b = 1", {"a", "b"}),
        ("with f() as g:\n    pass", {"g"}),
        ("match v:\n    case [a, *b] | {'k': a, **b} as c:\n        pass", {"a", "b", "c"}),
        ("def f():\n    global n\n    n = 1", {"f"}),
        ("def f():\n    global n\n    n = 1\nf()", {"f", "n"}),
        ("x[0] = 1\ny.z = 2", set()),
        ("while (n := f()):\n    pass", {"n"}),
    ],
)
def test_statements_write_names(text: str, names: set[str]) -> None:
    assert set(flow_of(text).writes) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("d['k'] = 1", {"d"}),
        ("d.a.b[0].c = 1", {"d"}),
        ("d[k] += 1\no.n -= 1", {"d", "o"}),
        ("del d['k'], o.a", {"d", "o"}),
        ("(x, d['k']) = t", {"d"}),
        ("for d['k'] in r:\n    pass", {"d"}),
        ("xs.append(1)\ns.add(2)\nm.fit(X, y)", {"xs", "s", "m"}),
        ("d['k'].append(1)", {"d"}),
        ("df.dropna(inplace=True)", {"df"}),
        ("df['a'].fillna(0, inplace=True)", {"df"}),
        ("df.dropna(inplace=False)\ndf.drop_duplicates()", set()),
        ("make().append(1)", set()),
        ("df.sort_values('a').pop('b')", set()),
        ("if t:\n    xs.append(1)", {"xs"}),
        ("x = d['k']\ny = o.a", set()),
        ("def f():\n    xs.append(1)", set()),
        ("def f():\n    xs.append(1)\nf()", {"xs"}),
        ("def f(xs):\n    xs.append(1)\nf(ys)", set()),
        ("def f():\n    d['k'] = 1\nf()", {"d"}),
        ("[xs.append(x) for x in r]", {"xs"}),
        ("[xs.append(1) for xs in r]", set()),
    ],
)
def test_statements_change_what_names_stand_for(text: str, names: set[str]) -> None:
    assert set(flow_of(text).changes) == names


def test_a_place_is_the_number_of_the_statement_and_the_line() -> None:
    found = flow(ast.parse("a = 1\nif a:\n    b = (c +\n         d)\n").body)
    assert {name: (p.statement, p.line) for name, p in found.reads.items()} == {
        "c": (1, 3),
        "d": (1, 4),
    }
    assert (found.writes["b"].statement, found.writes["b"].line) == (1, 3)


def test_a_name_that_is_set_on_some_path_is_read_perhaps() -> None:
    found = flow_of("if t:\n    w = 1\nprint(w, v)")
    assert found.uncertain == {"w"}


def test_the_other_branch_does_not_see_what_one_branch_set() -> None:
    found = flow_of("if t:\n    w = 1\nelse:\n    print(w)")
    assert found.uncertain == set()
    assert "w" in found.reads


def test_a_definition_says_what_it_will_read_later() -> None:
    assert flow_of("def f(a):\n    return a + b").later == {"b"}
    assert flow_of("class C:\n    def m(self):\n        return b").later == {"b"}
    assert flow_of("b = 1\ndef f(a):\n    return a + b").later == set()
    assert flow_of("def f(a):\n    return f(a) + len(a)").later == set()


def test_many_functions_that_call_each_other_are_walked_once() -> None:
    names = [f"f{number}" for number in range(40)]
    calls = "\n    ".join(f"{name}()" for name in names)
    text = "\n".join(f"def {name}():\n    {calls}\n    z" for name in names)
    assert set(flow_of(f"{text}\nf0()").reads) == {"z"}


def test_a_star_import_has_a_place() -> None:
    found = flow_of("x = 1\nfrom m import *")
    assert found.star_import is not None
    assert (found.star_import.statement, found.star_import.line) == (1, 2)
    assert flow_of("from m import a").star_import is None
