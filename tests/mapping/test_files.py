"""Which files are read, in which role, and what is said when they do not fit."""

import gzip

import duckdb
import pytest

from warehouse.sources.mapping import MappingError

TEXT = """
name = "crm"
[[input]]
name = "accounts"
files = "accounts.csv"
{optional}
[[input]]
name = "deals"
files = ["deals-*.csv", "more/*.csv"]
[[lookup]]
name = "products"
files = "products.csv"
key = "name"
[[event]]
name = "account"
input = "accounts"
type = "crm.account.upserted"
source = "crm"
id = "a-{{id}}"
time = 2024-01-01
data = {{ account_id = {{ column = "id" }}, name = {{ column = "id" }} }}
[[event]]
name = "won"
input = "deals"
type = "crm.deal.won"
source = "crm"
id = "d-{{id}}"
time = 2024-01-01
data = {{ deal_id = {{ column = "id" }}, amount = {{ lookup = "products", by = "p", column = "price" }} }}
"""


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "data"
    (root / "more").mkdir(parents=True)
    (root / "accounts.csv").write_text("id\n1\n")
    (root / "deals-2.csv").write_text("id,p\n2,x\n")
    (root / "deals-1.csv").write_text("id,p\n1,x\n")
    (root / "more" / "deals-3.csv").write_text("id,p\n3,x\n")
    (root / "products.csv").write_text("name,price\nx,5\n")
    (root / "readme.txt").write_text("not read")
    return root


@pytest.fixture
def mapping(load):
    return load(TEXT.format(optional=""))


def test_a_folder_gives_every_input_and_the_lookups(mapping, folder):
    assert list(mapping.files(folder).items()) == [
        ("accounts:accounts.csv", folder / "accounts.csv"),
        ("deals:deals-1.csv", folder / "deals-1.csv"),
        ("deals:deals-2.csv", folder / "deals-2.csv"),
        ("deals:more/deals-3.csv", folder / "more/deals-3.csv"),
        ("products:products.csv", folder / "products.csv"),
    ]


def test_a_file_gives_its_input_and_the_lookups_that_it_needs(mapping, folder):
    assert list(mapping.files(folder / "deals-2.csv")) == ["deals:deals-2.csv", "products:products.csv"]
    assert list(mapping.files([folder / "accounts.csv"])) == ["accounts:accounts.csv"]
    both = mapping.files([folder / "accounts.csv", folder / "deals-2.csv", folder])
    assert both == mapping.files(folder)


def test_copies_under_other_names_give_the_same_rows(mapping, folder, tmp_path):
    con = duckdb.connect()
    files = mapping.files(folder)
    mapping.read(con, files, "original")
    landed = {}
    for number, (role, path) in enumerate(reversed(files.items())):
        landed[role] = tmp_path / f"{number:08d}-abc.csv"
        landed[role].write_bytes(path.read_bytes())
    mapping.read(con, landed, "copied")
    assert con.execute("from original order by 1").fetchall() == con.execute("from copied order by 1").fetchall()
    assert con.execute("select id, file from original order by row_number").fetchall() == [
        ("a-1", "accounts.csv"),
        ("d-1", "deals-1.csv"),
        ("d-2", "deals-2.csv"),
        ("d-3", "more/deals-3.csv"),
    ]


def test_compressed_files_are_found_by_their_plain_name(mapping, folder):
    (folder / "accounts.csv").unlink()
    (folder / "accounts.csv.gz").write_bytes(gzip.compress(b"id\n7\n"))
    assert "accounts:accounts.csv.gz" in mapping.files(folder)


def test_a_missing_input_is_an_error_unless_it_is_optional(mapping, load, folder):
    (folder / "accounts.csv").unlink()
    with pytest.raises(MappingError, match=r"Input 'accounts' .* finds no file(.|\n)*deals-1.csv"):
        mapping.files(folder)
    assert "deals:deals-1.csv" in load(TEXT.format(optional="optional = true")).files(folder)


def test_what_fits_no_input_is_an_error(mapping, folder, tmp_path):
    with pytest.raises(MappingError, match=r"No input of mapping 'crm' reads this(.|\n)*accounts.csv, deals-\*.csv"):
        mapping.files(folder / "readme.txt")
    with pytest.raises(MappingError, match="nothing at this path"):
        mapping.files(tmp_path / "nowhere")


def test_a_missing_lookup_is_an_error(mapping, folder):
    (folder / "products.csv").unlink()
    with pytest.raises(MappingError, match="The file of lookup 'products' is missing"):
        mapping.files(folder)
    assert mapping.files(folder / "accounts.csv")  # which needs none


def test_two_folders_with_the_same_name_are_not_mixed_up(mapping, folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "accounts.csv").write_text("id\n9\n")
    with pytest.raises(MappingError, match=r"Two folders have a file 'accounts.csv'"):
        mapping.files([folder / "accounts.csv", other / "accounts.csv"])


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (
            "deals-1.csv",
            "nr,p\n1,x\n",
            r"no column 'id' in deals-1.csv(.|\n)*\"won\", key id(.|\n)*Possible: nr, p",
        ),
        ("deals-1.csv", "id,pp\n1,x\n", r"no column 'p' in deals-1.csv(.|\n)*Did you mean 'pp'"),
        ("deals-1.csv", "id;p\n1;x\n", r"no column 'id'(.|\n)*the delimiter may be another one"),
        (
            "products.csv",
            "title,price\nx,5\n",
            r"no column 'name' in products.csv(.|\n)*\[\[lookup\]\] \"products\"",
        ),
        ("products.csv", "name,cost\nx,5\n", r"no column 'price' in products"),
    ],
)
def test_a_column_that_is_not_there_is_named_before_anything_is_taken_in(mapping, folder, file, content, message):
    (folder / file).write_text(content)
    with pytest.raises(MappingError, match=message):
        mapping.files(folder)
