"""No product code touches a ``.duckdb`` file except through DuckDB.

In the process that writes, opening and closing the file in any other way (to hash it, copy it, or look at its
size by seeking) silently drops DuckDB's lock; two writers then overwrite each other's commits. The first test
keeps that fact on record, the second reads the code, the third watches a publication.
"""

import ast
import subprocess
import sys
import textwrap
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = sorted(
    path
    for package in ("warehouse", "scoring", "orchestration", "dashboards")
    for path in (ROOT / package).rglob("*.py")
)
OTHER_PROCESS = {"warehouse/publish/inspection.py"}
"""Runs as a program of its own, with no connection open; its importable part only starts it."""

RAW_CALLS = {
    "open", "read_bytes", "read_text", "write_bytes", "write_text", "copy", "copy2", "copyfile", "copyfileobj",
    "move", "file_digest", "mmap", "sendfile", "hash_file", "file_hash", "copy_hashed",
}  # fmt: skip
NAMES_A_FILE = {"warehouse", "work_file"}
"""Attributes and variables that hold the path of the work file."""


def names_duckdb(node: ast.AST, tainted: set[str]) -> bool:
    """Tell whether an expression speaks of a .duckdb file."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and ".duckdb" in part.value:
            return True
        if isinstance(part, ast.Attribute) and part.attr in NAMES_A_FILE and not is_package(part):
            return True
        if isinstance(part, ast.Name) and part.id in tainted:
            return True
    return False


def is_package(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "warehouse"


def raw_opens(code: str) -> list[int]:
    """Lines on which a .duckdb path is opened, read, copied or hashed."""
    lines = []
    tree = ast.parse(code)
    scopes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.Module)]
    for scope in scopes:
        tainted: set[str] = set()
        for node in ast.walk(scope):
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.For | ast.NamedExpr | ast.comprehension):
                value = node.iter if isinstance(node, ast.For | ast.comprehension) else node.value
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if value is not None and names_duckdb(value, tainted):
                    tainted |= {t.id for target in targets for t in ast.walk(target) if isinstance(t, ast.Name)}
        for node in ast.walk(scope):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            about = [*node.args, *(keyword.value for keyword in node.keywords)]
            if isinstance(node.func, ast.Attribute):
                about.append(node.func.value)
            if called in RAW_CALLS and any(names_duckdb(part, tainted) for part in about):
                lines.append(node.lineno)
    return sorted(set(lines))


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_product_code_opens_no_duckdb_file_by_itself(path: Path) -> None:
    if path.relative_to(ROOT).as_posix() in OTHER_PROCESS:
        assert "subprocess.run" in path.read_text()
    else:
        assert raw_opens(path.read_text()) == []


@pytest.mark.parametrize(
    "code",
    [
        "open(home.warehouse, 'rb')",
        "home.warehouse.open('rb')",
        "home.warehouse.read_bytes()",
        "shutil.copy(home.warehouse, target)",
        "def f(home):\n    path = home.warehouse\n    return hashlib.file_digest(path.open('rb'), 'sha256')",
        "os.open('x.duckdb', 0)",
        "for path in folder.glob('*.duckdb'):\n    path.read_bytes()",
        "[p.read_bytes() for p in folder.glob('*.duckdb')]",
        "with Path(f'{name}.duckdb').open() as f: pass",
    ],
)
def test_the_check_finds_what_it_looks_for(code: str) -> None:
    assert raw_opens(code)


@pytest.mark.parametrize("code", ["duckdb.connect(str(home.warehouse))", "home.warehouse.exists()", "path.open()"])
def test_the_check_lets_the_rest_pass(code: str) -> None:
    assert raw_opens(code) == []


WRITER = """
    import sys, duckdb
    con = duckdb.connect(sys.argv[1])
    con.execute("create table numbers as select 1 as i")
    if sys.argv[2] == "raw":
        open(sys.argv[1], "rb").close()
    print("ready", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("way", ["through DuckDB", "raw"])
def test_one_raw_open_drops_the_lock_of_duckdb(tmp_path: Path, way: str) -> None:
    path = tmp_path / "work.duckdb"
    arguments = [sys.executable, "-c", textwrap.dedent(WRITER), str(path), way]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "ready\n"
        try:
            duckdb.connect(str(path)).close()
            is_locked = False
        except duckdb.IOException:
            is_locked = True
        writer.communicate("\n")
    assert is_locked == (way != "raw")


WATCHED = """
    import sys
    opened = []
    sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
    from pathlib import Path
    from warehouse.lock import writer_lock
    from warehouse.publish import RunInfo, publish, query, rollback, verify_published
    from warehouse.recover import ensure_warehouse
    from warehouse.settings import Settings
    from warehouse.store import open_store
    settings = Settings(home=Path(sys.argv[1]))
    home = settings.layout()
    with writer_lock(home, "run"):
        ensure_warehouse(home, settings)
        with open_store(home, settings) as con:
            con.execute("create schema facts; create table facts.one as select 1 as i")
            con.execute("create schema contacts; create table contacts.two as select 1 as i")
        for number in range(3):
            publish(home, settings, RunInfo(f"run {number}"))
        rollback(home)
        query(home, "from facts.one")
        assert verify_published(home) == []
    assert any("manifest.ndjson" in name for name in opened), opened
    print([name for name in opened if ".duckdb" in name])
"""


def test_a_publication_opens_no_duckdb_file_by_itself(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", textwrap.dedent(WATCHED), str(tmp_path / "home")]
    run = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert (run.stdout, run.returncode) == ("[]\n", 0), run.stderr
