"""Hostile, damaged and odd files: each gets a report with the line, none stops the reader."""

import gzip
import zipfile
from pathlib import Path

import polars
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backoffice.repayment.tape import records
from backoffice.repayment.tape.findings import TapeStopped
from backoffice.repayment.tape.format import Limits
from backoffice.repayment.tape.records import Record, read_records
from backoffice.repayment.tape.sources import TapeFile, find_files
from tests.repayment.tapes import GOOD, as_csv, good, write_gzip, write_parquet, write_tape, write_zip


def csv_file(path: Path, content: bytes) -> TapeFile:
    path.write_bytes(content)
    return TapeFile(table="payments", name=path.name, form="csv", is_gzip=path.suffix == ".gz", path=path)


def stopped_by(file: TapeFile) -> tuple[int, str]:
    """Line and code of the finding that stops the reading."""
    with pytest.raises(TapeStopped) as stop:
        list(read_records(file))
    return stop.value.finding.line, stop.value.finding.code


def read_or_stopped(file: TapeFile) -> str:
    """ "read" when every row came, else what the finding stops."""
    try:
        for record in read_records(file):
            assert record.cells
    except TapeStopped as stop:
        return stop.finding.scope
    return "read"


def test_reads_rows_with_the_line_each_begins_on(tmp_path: Path) -> None:
    file = csv_file(tmp_path / "payments.csv", b'a,b\r\n1,"x\r\ny"\r\n\r\n2,z\r\n')
    assert list(read_records(file)) == [
        Record(line=1, cells=["a", "b"]),
        Record(line=2, cells=["1", "x\r\ny"]),
        Record(line=5, cells=["2", "z"]),
    ]


def test_tolerates_the_byte_order_mark_of_utf8(tmp_path: Path) -> None:
    file = csv_file(tmp_path / "payments.csv", b"\xef\xbb\xbfa,b\n1,2\n")
    assert next(read_records(file)).cells == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "line", "code"),
    [
        ("a,b\n1,2\n".encode("utf-16"), 1, "encoding_utf16"),
        (b"a,b\n1,2\n3,\xd5\xc5\n", 3, "encoding"),
        ("a,b\n姓名,张\n".encode("gb18030"), 2, "encoding"),
        ("a,b\nJosé,1\n".encode("latin-1"), 2, "encoding"),
        (b'a,b\n1,2\n3,"never ends\n4,5\n', 3, "unfinished_quote"),
        (b'a,b\n1,"x"y\n', 2, "not_csv"),
        (b"a,b\r1,2\r3,4\r", 1, "not_csv"),
        (b"a,b\n" + b"x" * (300 * 1024) + b"\n", 2, "line_too_long"),
    ],
)
def test_names_the_line_that_cannot_be_read(tmp_path: Path, content: bytes, line: int, code: str) -> None:
    assert stopped_by(csv_file(tmp_path / "payments.csv", content)) == (line, code)


def test_names_the_byte_that_is_not_utf8(tmp_path: Path) -> None:
    with pytest.raises(TapeStopped) as stop:
        list(read_records(csv_file(tmp_path / "payments.csv", b"a,b\n1,ab\xff\n")))
    assert stop.value.finding.params == {"byte": "0xFF", "position": "5"}


def test_says_that_a_gzip_file_is_cut_short(tmp_path: Path) -> None:
    whole = gzip.compress(as_csv(GOOD["payments"]).encode() * 500)
    assert stopped_by(csv_file(tmp_path / "payments.csv.gz", whole[: len(whole) // 2])) == (0, "compressed_damaged")


def test_says_that_a_file_is_no_gzip(tmp_path: Path) -> None:
    assert stopped_by(csv_file(tmp_path / "payments.csv.gz", b"a,b\n1,2\n")) == (0, "compressed_damaged")


def test_stops_a_file_that_unpacks_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "LIMITS", Limits(file_bytes=2 * 1024 * 1024))
    bomb = gzip.compress(b"a,b\n" + b"1,2\n" * 4_000_000)
    assert len(bomb) < 100_000
    assert stopped_by(csv_file(tmp_path / "payments.csv.gz", bomb)) == (0, "file_too_big")


def test_marks_a_last_row_whose_line_never_ends(tmp_path: Path) -> None:
    file = csv_file(tmp_path / "payments.csv", b"a,b\n1,2\n3")
    assert list(read_records(file))[-1] == Record(line=3, cells=["3"], is_cut=True)


def test_reads_the_same_rows_from_parquet(tmp_path: Path) -> None:
    write_parquet(tmp_path / "parquet", {"payments": GOOD["payments"]})
    write_tape(tmp_path / "csv", {"payments": GOOD["payments"]})
    rows = [
        [record.cells for record in read_records(find_files(paths=[tmp_path / form])[0][0])]
        for form in ("parquet", "csv")
    ]
    assert rows[0] == rows[1]


def test_reads_decimals_and_days_of_parquet_as_text(tmp_path: Path) -> None:
    polars.DataFrame({"amount": ["12.50"], "value_date": ["2026-01-31"], "n": [7]}).with_columns(
        polars.col("amount").cast(polars.Decimal(18, 2)), polars.col("value_date").str.to_date()
    ).write_parquet(tmp_path / "payments.parquet")
    (file,) = find_files(paths=[tmp_path])[0]
    assert [record.cells for record in read_records(file)][1] == ["12.50", "2026-01-31", "7"]


def test_refuses_floats_of_parquet_by_their_column(tmp_path: Path) -> None:
    polars.DataFrame({"payment_id": ["x"], "amount": [12.5]}).write_parquet(tmp_path / "payments.parquet")
    with pytest.raises(TapeStopped) as stop:
        list(read_records(find_files(paths=[tmp_path])[0][0]))
    assert (stop.value.finding.code, stop.value.finding.field) == ("parquet_float", "amount")


@pytest.mark.parametrize("cut", [0, 3, 4, 20, -1, -9])
def test_says_that_a_parquet_file_is_damaged(tmp_path: Path, cut: int) -> None:
    path = write_parquet(tmp_path, {"payments": GOOD["payments"]}) / "payments.parquet"
    path.write_bytes(path.read_bytes()[:cut])
    assert stopped_by(find_files(paths=[tmp_path])[0][0]) == (0, "parquet_damaged")


def test_says_that_the_inside_of_a_parquet_file_is_damaged(tmp_path: Path) -> None:
    path = write_parquet(tmp_path, {"payments": GOOD["payments"]}) / "payments.parquet"
    content = bytearray(path.read_bytes())
    content[8 : len(content) - 60] = bytes(len(content) - 68)
    path.write_bytes(content)
    assert stopped_by(find_files(paths=[tmp_path])[0][0])[1] == "parquet_damaged"


@given(content=st.binary(max_size=400))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes_are_read_or_reported(tmp_path: Path, content: bytes) -> None:
    for name in ("payments.csv", "payments.csv.gz"):
        file = csv_file(tmp_path / name, content)
        assert read_or_stopped(file) in {"read", "file"}


@given(content=st.binary(max_size=300), head=st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06"]))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes_called_an_archive_are_reported(tmp_path: Path, content: bytes, head: bytes) -> None:
    path = tmp_path / "tape.zip"
    path.write_bytes(head + content)
    files, findings = find_files(paths=[path])
    assert files or findings


def test_a_member_without_a_name_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "tape.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo(""), "loan\n")
    files, findings = find_files(paths=[path])
    assert files or findings


@given(position=st.integers(min_value=0, max_value=4000), byte=st.integers(min_value=0, max_value=255))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_an_archive_with_one_wrong_byte_is_read_or_reported(tmp_path: Path, position: int, byte: int) -> None:
    path = write_zip(tmp_path / "tape.zip", good())
    content = bytearray(path.read_bytes())
    content[position % len(content)] = byte
    path.write_bytes(content)
    files, _findings = find_files(paths=[path])
    for file in files:
        assert read_or_stopped(file) in {"read", "file"}


def test_finds_the_files_of_a_folder_an_archive_and_a_list(tmp_path: Path) -> None:
    folder = write_tape(tmp_path / "folder", good())
    archive = write_zip(tmp_path / "tape.zip", good())
    packed = write_gzip(tmp_path / "packed", good())
    for paths in ([folder], [archive], [packed], sorted(folder.iterdir())):
        files, findings = find_files(paths=paths)
        assert findings == []
        assert [file.table for file in files] == list(good())


def test_passes_over_what_file_managers_leave_behind(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "tape.zip", good())
    with zipfile.ZipFile(archive, "a") as more:
        more.writestr("__MACOSX/book/._loans.csv", b"\x00")
        more.writestr("book/.DS_Store", b"\x00")
    assert find_files(paths=[archive])[1] == []


def test_names_the_files_it_does_not_know_misses_or_finds_twice(tmp_path: Path) -> None:
    folder = write_tape(tmp_path / "tape", {"borrowers": GOOD["borrowers"], "payments": GOOD["payments"]})
    (folder / "payments.csv.gz").write_bytes(gzip.compress(b"x"))
    (folder / "notes.txt").write_text("hello", encoding="utf-8")
    found = {(finding.file, finding.code) for finding in find_files(paths=[folder])[1]}
    assert found == {("notes.txt", "unknown_file"), ("payments.csv.gz", "file_twice"), ("loans", "missing_file")}


def test_says_that_there_is_nothing(tmp_path: Path) -> None:
    assert [f.code for f in find_files(paths=[tmp_path / "absent.zip"])[1]] == ["tape_not_found"]
    assert [f.code for f in find_files(paths=[tmp_path])[1]] == ["tape_empty"]


def test_says_that_an_archive_needs_a_password(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "tape.zip", {"borrowers": GOOD["borrowers"], "loans": GOOD["loans"]})
    content = bytearray(path.read_bytes())
    for head, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(head)
        while at >= 0:
            content[at + flags] |= 1
            at = content.find(head, at + 1)
    path.write_bytes(content)
    files, _findings = find_files(paths=[path])
    assert stopped_by(files[0]) == (0, "archive_encrypted")


def test_refuses_an_archive_that_says_it_unpacks_too_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backoffice.repayment.tape.sources.LIMITS", Limits(tape_bytes=1_000))
    archive = tmp_path / "tape.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("loans.csv", b"0" * 2_000)
    assert [f.code for f in find_files(paths=[archive])[1]] == ["tape_too_big"]


def test_a_parquet_file_that_needs_too_much_memory_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_parquet(tmp_path, {"payments": GOOD["payments"]})
    monkeypatch.setattr(records, "LIMITS", Limits(parquet_memory_bytes=64 * 1024 * 1024))
    assert stopped_by(find_files(paths=[tmp_path])[0][0])[1] == "parquet_damaged"
