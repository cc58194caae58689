"""What is read from CSV, Excel and the round's form, and what is refused."""

from __future__ import annotations

import io
import zipfile

import openpyxl
import pytest

from anonymize.cube import SDMX_CSV, read_cube
from anonymize.template import load
from sharing.states import SubmissionState
from tests.browser.sealing.sealer import PERIOD, Sealer, as_csv, as_xlsx, changed, decided, figures, server_rule
from tests.sharing.test_excel_form import filled

pytestmark = pytest.mark.browser


def test_the_rounds_form_is_filled_in_and_accepted(visit, quarter):
    template = load("call-report")
    product = template.dimension("PRODUCT").code_list.leaves[2]
    sealer = Sealer(visit(), quarter)
    sealer.make_key()
    with sealer.page.expect_download() as download:
        sealer.page.click("a[href$='template.xlsx']")
    form = download.value.path().read_bytes()
    assert openpyxl.load_workbook(io.BytesIO(form)).sheetnames[0] == "Cube"
    values = {(product, "LT060"): {"LOANS": 120, "BALANCE": 88_000.25}, (product, "D060P"): {"LOANS": 3, "BALANCE": 40}}
    sealer.choose("form.xlsx", filled(form, values))
    assert "88,040.25" in sealer.page.inner_text("[data-totals]")
    assert decided(sealer.send()).state == SubmissionState.AWAITING_APPROVAL


WRONG = {
    "missing-column": lambda rows: [row.pop(0) for row in rows],
    "unmapped-column": lambda rows: [row.append("X") for row in rows],
    "unknown-code": lambda rows: rows[3].__setitem__(0, "NOTHING"),
    "missing-code": lambda rows: rows[3].__setitem__(0, ""),
    "duplicate-cell": lambda rows: rows.append(list(rows[5])) or rows.pop(4),
    "wrong-period": lambda rows: rows[2].__setitem__(2, "2025-Q3"),
    "wrong-type": lambda rows: rows[2].__setitem__(3, "1,204"),
    "not-whole": lambda rows: rows[2].__setitem__(3, "12.5"),
    "negative-count": lambda rows: rows[2].__setitem__(3, "-4"),
    "not-finite": lambda rows: rows[2].__setitem__(4, "NaN"),
    "out-of-range": lambda rows: rows[2].__setitem__(4, "1e19"),
    "unknown-status": lambda rows: rows[2].__setitem__(5, "B"),
    "status-disagrees": lambda rows: rows[2].__setitem__(6, "C"),
}


def test_each_mistake_is_named_by_the_servers_rule_and_nothing_is_sealed(visit, quarter):
    sealer = Sealer(visit(), quarter)
    sealer.make_key()
    for rule, change in WRONG.items():
        content = changed(figures(), change)
        sealer.choose("figures.csv", content)
        assert any(rule in each for each in sealer.findings()), rule
        assert sealer.page.is_hidden("[data-preview]"), rule
        assert server_rule(content) == rule
    sealer.choose("figures.csv", changed(figures(), lambda rows: rows[1].__setitem__(4, "7")))
    assert any("do not add up" in each for each in sealer.findings())
    for name, content, rule in (("a.csv", b"", "empty"), ("a.xlsx", b"PK\x03\x04garbage", "unreadable")):
        sealer.choose(name, content)
        assert any(rule in each for each in sealer.findings())


def test_a_small_cell_of_a_protected_collection_is_refused(visit, month):
    sealer = Sealer(visit(), month)
    sealer.make_key()
    head = "PRODUCT,REGION,RISK_TIER,DPD_BUCKET,ACCOUNTS,BORROWERS,BALANCE\n"
    sealer.choose("small.csv", (head + "_T,_T,_T,_T,9,9,1000\n").encode())
    assert any("below-minimum" in each and "concord aggregate" in each for each in sealer.findings())
    assert sealer.page.is_hidden("[data-preview]")

    lone = head + "_T,_T,_T,_T,90,90,1000\nCARD,_T,_T,_T,,,\n"
    sealer.choose("lone.csv", lone.encode())
    assert any("recoverable" in each for each in sealer.findings())


def test_what_a_workbook_holds_in_other_kinds_of_cells(visit, quarter):
    sealer = Sealer(visit(), quarter)
    sealer.make_key()
    rows = figures()
    book = openpyxl.load_workbook(io.BytesIO(as_xlsx(rows)))
    balance = rows[0].index("BALANCE") + 1
    book.worksheets[0].cell(3, balance).value = True
    book.worksheets[0].cell(4, balance).value = "=1/0"  # never worked out by Excel
    sink = io.BytesIO()
    book.save(sink)
    sealer.choose("odd.xlsx", sink.getvalue())
    found = sealer.findings()
    assert any("wrong-type" in each and "row 3" in each for each in found)
    assert any("status-disagrees" in each and "row 4" in each for each in found)
    sealer.choose("bomb.xlsx", bomb())
    assert any("too-large" in each for each in sealer.findings())


def bomb() -> bytes:
    """A workbook of a few hundred kilobytes whose parts unpack to more than a cube can hold."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/_rels/workbook.xml.rels", "w") as part:
            for _mebibyte in range(260):
                part.write(b" " * 2**20)
    return sink.getvalue()


def without_statuses(rows) -> list[list[str]]:
    gone = [rows[0].index(name) for name in ("TIME_PERIOD", "OBS_STATUS", "CONF_STATUS")]
    return [[cell for place, cell in enumerate(row) if place not in gone] for row in rows]


def test_a_comma_between_thousands_moves_no_figure_under_another_name(visit, quarter):
    sealer = Sealer(visit(), quarter)
    sealer.make_key()
    lines = as_csv(without_statuses(figures())).decode().splitlines()
    head, first, *others = lines
    codes = first.split(",")[: len(head.split(",")) - 2]
    for wrong in (f"{','.join(codes)},1,204,5000", f"{','.join(codes)},12,1,204", ",".join(codes)):
        sealer.choose("figures.csv", "\n".join([head, wrong, *others]).encode())
        assert any("row 2" in each and "unreadable" in each for each in sealer.findings()), wrong
        assert sealer.page.is_hidden("[data-preview]")
    sealer.choose("figures.csv", "\n".join([head, *(line + ",," for line in (first, *others))]).encode())
    assert sealer.findings() == []  # empty fields at the end, as Excel writes them


SEALED = """async (texts) => {
  const { readFile } = await import("/static/sharing/js/reading.js");
  const { template } = JSON.parse(document.getElementById("sealing-facts").textContent);
  template.checks = []; // a single cell is no whole cube
  for (const dimension of template.dimensions) dimension.index = new Map(dimension.codes.map((code, at) => [code.id, at]));
  const sealed = [];
  for (const text of texts) {
    const { content, cube } = await readFile(new File([text], "a.csv"), template, 1e8);
    sealed.push(content && [new TextDecoder().decode(content), Object.values(cube.values).map((each) => each[0])]);
  }
  return sealed;
}"""
NUMBERS = [
    "0",
    "-0",
    "+0",
    "00",
    "007",
    "7.",
    ".7",
    "7.0",
    "7.50",
    "+7",
    "-7",
    "1e3",
    "1E3",
    "1e+3",
    "1e-3",
    "1.5e1",
    "1e400",
    "1e-400",
    "9007199254740992",
    "9007199254740993",
    "1e18",
    "1e19",
    "0x10",
    "0b1",
    "0o7",
    "1_000",
    "1'000",
    "1,000",
    "1.000,5",
    "１２",
    "٣",
    "Infinity",
    "-inf",
    "nan",
    "NaN",
    "null",
    "true",
    "1d",
    "1f",
    "1/2",
    "$5",
    "5%",
    "5€",
    "--",
    "+-1",
    "1e",
    "1e5.5",
    ".",
    "-",
    "+",
    "e5",
    "123456789012345678901234567890",
    "0.1",
    "0.30000000000000004",
    "0.1234567890123456789012345",
]


def test_what_the_page_takes_for_a_number_is_the_same_number_to_the_vault(visit, quarter):
    """As count and as amount; nothing is sealed here that is refused there, and nothing is read differently."""
    template = load("call-report")
    sealer = Sealer(visit(), quarter)
    head = "PRODUCT,DPD_BUCKET,LOANS,BALANCE\n"
    rows = [f'_T,_T,"{text}",0' for text in NUMBERS] + [f'_T,_T,0,"{text}"' for text in NUMBERS]
    taken = 0
    for row, sealed in zip(rows, sealer.page.evaluate(SEALED, [head + row for row in rows]), strict=True):
        if sealed is None:
            continue
        taken += 1
        cube = read_cube(sealed[0].encode(), template, SDMX_CSV, period=PERIOD)
        assert [cube.table.column(each)[0].as_py() for each in template.measure_ids] == sealed[1], row
    assert 30 < taken < len(rows)


def test_a_file_is_dropped(visit, quarter):
    sealer = Sealer(visit(), quarter)
    sealer.make_key()
    sealer.drop("figures.csv", as_csv(figures()))
    assert sealer.findings() == []
    assert sealer.page.is_visible("[data-preview]")
    assert decided(sealer.send()).state == SubmissionState.AWAITING_APPROVAL


def test_names_and_heads_are_text_and_never_markup(visit, quarter):
    sealer = Sealer(visit(), quarter)
    evil = "<img src=x onerror=document.title='owned'>"
    sealer.drop(evil + ".csv", (evil + "," + ",".join(figures()[0]) + f"\n{evil}\n").encode())
    assert any(evil in each for each in sealer.findings())
    sealer.drop("wide.csv", (",".join(f"c{number}" for number in range(200_000)) + "\n1\n").encode())
    assert any("unmapped-column" in each for each in sealer.findings())
    assert sealer.page.locator("main img").count() == 0
    assert sealer.page.title() != "owned"
