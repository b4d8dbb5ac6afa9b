"""The search finds a value in whatever form and file it stands, and takes nothing else for it."""

import base64
import gzip
import sqlite3
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tests.erasure import people
from tests.erasure.test_redact import KEYS, person, traces
from warehouse import chain
from warehouse.erasure.erase import needles
from warehouse.erasure.redact import Redactor
from warehouse.erasure.scrub import mend_journals, scrub
from warehouse.erasure.search import search
from warehouse.settings import Home

EMAIL = people.EMAIL


def in_duckdb(path: Path) -> None:
    with duckdb.connect(str(path)) as con:
        con.execute("create table t as select 'a' || i as id, ? || i as text from range(5000) r(i)", [f"{EMAIL} "])


def in_sqlite(path: Path) -> None:
    with sqlite3.connect(path) as con:
        con.execute("create table t (id integer primary key, body text, packed blob)")
        con.execute("insert into t (body, packed) values ('x', ?)", [zlib.compress(f"said {EMAIL}".encode())])
    con.close()


def in_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt.gz", gzip.compress(f"{EMAIL} ".encode() * 9))


FILES: dict[str, Callable[[Path], object]] = {
    "plain.log": lambda path: path.write_text(f"x{' '}{EMAIL}"),
    "upper.txt": lambda path: path.write_text(EMAIL.upper()),
    "url.txt": lambda path: path.write_text("q=" + quote(EMAIL, safe="")),
    "base64.txt": lambda path: path.write_bytes(base64.b64encode(b"hello " + EMAIL.encode() + b", bye")),
    "base64_1.txt": lambda path: path.write_bytes(base64.b64encode(b"hello, " + EMAIL.encode() + b", bye")),
    "base64_2.txt": lambda path: path.write_bytes(base64.urlsafe_b64encode(b"hello:  " + EMAIL.encode())),
    "a.gz": lambda path: path.write_bytes(gzip.compress(f"{EMAIL} ".encode() * 50)),
    "broken_off.gz": lambda path: path.write_bytes(gzip.compress(f"{EMAIL} ".encode() * 50)[:-6]),
    "a.zst": lambda path: path.write_bytes(zstandard.compress(f"{EMAIL} ".encode() * 50)),
    "a.parquet": lambda path: pq.write_table(pa.table({"a": [EMAIL, "b"] * 500}), path, compression="zstd"),
    "a.xlsx": in_zip,
    "a.db": in_sqlite,
    "a.duckdb": in_duckdb,
    f"to {EMAIL}.txt": lambda path: path.write_text("nothing"),
}


@pytest.mark.parametrize("name", FILES)
def test_every_form_and_file_is_found(tmp_path: Path, name: str) -> None:
    FILES[name](tmp_path / name)
    assert [hit["path"] for hit in search(tmp_path, *needles(person()))][:1] == [name]


def test_what_is_part_of_another_word_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"x{people.EMAIL_TOO} {people.LEAD}9 {people.LAST}s 9442079460958")
    with duckdb.connect(str(tmp_path / "a.duckdb")) as con:
        con.execute("create table t as select ? || i as id from range(9000) r(i)", [people.LEAD])
    assert search(tmp_path, *needles(person())) == []


def test_bytes_that_a_deletion_leaves_are_found(tmp_path: Path) -> None:
    """As long as they are not compressed: what is, is read by asking the tables; and an erasure makes files anew."""
    with duckdb.connect(str(tmp_path / "a.duckdb")) as con:
        con.execute("set force_compression = 'uncompressed'")
        con.execute("create table t as select ? || i as text from range(5000) r(i)", [f"{EMAIL} "])
        con.execute("checkpoint")
        # What stands behind them keeps the file from being cut where they were.
        con.execute("create table behind as select random() as r from range(200000)")
        con.execute("checkpoint")
        con.execute("delete from t")
        con.execute("checkpoint")
    places = {hit["place"] for hit in search(tmp_path, *needles(person()))}
    assert places == {"its bytes"}


def test_a_file_that_cannot_be_read_is_no_proof(tmp_path: Path) -> None:
    (tmp_path / "a.duckdb").write_bytes(bytes(8) + b"DUCK" + bytes(100))
    assert "error" in search(tmp_path, *needles(person()))[0]


def test_scrubbing_leaves_every_file_readable_and_without_a_trace(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.outbox.mkdir()
    for name, write in FILES.items():
        write(home.outbox / name)
    (home.outbox / "a.parquet").replace(home.outbox / "1.parquet")
    (home.outbox / ".1.parquet.crc").write_bytes(b"sum of what it was")
    import hashlib

    digest = hashlib.sha256((home.outbox / "1.parquet").read_bytes()).hexdigest()
    chain.append(home.outbox / "journal.ndjson", {"file": "1.parquet", "sha256": digest, "to": EMAIL})
    redactor = Redactor(KEYS, [(person(), "salt")])
    hashes: dict[str, str] = {}
    for _ in range(2):
        hits = search(tmp_path, *needles(person()))
        scrub(home, {hit["path"] for hit in hits}, redactor, KEYS, hashes.__setitem__)
    mend_journals(home, hashes)
    assert search(tmp_path, *needles(person())) == []
    for path in home.outbox.iterdir():
        assert traces(path.read_bytes()) == []
    with duckdb.connect(str(home.outbox / "a.duckdb")) as con:
        assert con.execute("select count(*), count(distinct text) from t").fetchone() == (5000, 5000)
    with sqlite3.connect(home.outbox / "a.db") as con:
        (packed,) = con.execute("select packed from t").fetchone()
    assert zlib.decompress(packed).startswith(b"said erased-")
    assert pq.read_table(home.outbox / "1.parquet").num_rows == 1000
    assert not (home.outbox / ".1.parquet.crc").exists()
    (line,) = chain.read(home.outbox / "journal.ndjson")
    assert line["sha256"] == hashlib.sha256((home.outbox / "1.parquet").read_bytes()).hexdigest()
