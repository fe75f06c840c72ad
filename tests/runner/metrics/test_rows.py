"""Lines of JSON and tables are read as training scripts write them, while they grow."""

import math
from pathlib import Path

import pytest

from gridray.runner.metrics.growing import Sample
from gridray.runner.metrics.rows import CsvTable, JsonLines

LIGHTNING = """\
epoch,step,train_loss,val_loss
0,49,2.5,
0,99,,2.25
1,149,2.0,
"""


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        '{"step": 1, "epoch": 0, "loss": 2.5, "note": "text", "ok": true}\n'
        '{"epoch": 0.5, "val": {"loss": NaN, "f1": [1]}, "time": 12.5}\n'
        '{"loss": 1, "timestamp": 1700000000.5, "big": 1' + "0" * 400 + "}\n"
        "\n"
        '{"loss": "Infinity", "_step": 9}\n'
    )
    found = list(JsonLines(path).samples())
    assert found[0] == Sample("loss", 1, None, 2.5)
    assert (found[1].name, found[1].step) == ("val/loss", 0.5) and math.isnan(found[1].value)
    assert found[2] == Sample("time", 0.5, None, 12.5)
    assert found[3] == Sample("loss", 2, 1700000000.5, 1)
    assert found[4] == Sample("big", 2, 1700000000.5, math.inf)
    assert found[5] == Sample("loss", 9, None, math.inf)
    assert len(found) == 6


def test_a_line_that_is_not_whole_waits_and_counts_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"loss": 3}\n{"lo')
    file = JsonLines(path)
    assert [each.value for each in file.samples()] == [3]
    path.write_text('{"loss": 3}\n{"loss": 2}')
    assert list(file.samples()) == []
    assert [(each.step, each.value) for each in file.samples(is_last=True)] == [(1, 2)]
    assert file.complaint is None


def test_lines_that_are_no_json_are_told_once_and_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"loss": 1}\nrubbish\n\xff\xfe\n[1]\n{"loss": 2}\n')
    file = JsonLines(path)
    assert [each.value for each in file.samples()] == [1, 2]
    assert file.complaint == "line 2 cannot be understood"


def test_a_table_leaves_empty_cells_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(LIGHTNING)
    assert list(CsvTable(path).samples()) == [
        Sample("train_loss", 49, None, 2.5),
        Sample("val_loss", 99, None, 2.25),
        Sample("train_loss", 149, None, 2.0),
    ]


def test_a_table_that_gets_another_column_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(LIGHTNING)
    file = CsvTable(path)
    assert len(list(file.samples())) == 3
    path.write_text(
        "acc,epoch,step,train_loss,val_loss\n,0,49,2.5,\n,0,99,,2.25\n,1,149,2.0,\n0.5,1,199,,1.5\n"
    )
    assert list(file.samples()) == [
        Sample("acc", 199, None, 0.5),
        Sample("val_loss", 199, None, 1.5),
    ]


def test_a_table_that_is_begun_anew_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(LIGHTNING)
    file = CsvTable(path)
    assert len(list(file.samples())) == 3
    path.write_text("step,loss\n0,9\n1,8\n2,7\n3,6\n")
    assert [each.value for each in file.samples()] == [9, 8, 7, 6]


def test_rows_go_on_being_counted_after_those_that_were_skipped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"loss": 3}\n{"loss": 2}\n')
    file = JsonLines(path)
    file.skip()
    with path.open("a") as more:
        more.write('{"loss": 1}\n')
    assert list(file.samples()) == [Sample("loss", 2, None, 1)]
    assert list(file.samples()) == []


@pytest.mark.parametrize("kind", [JsonLines, CsvTable])
def test_a_line_without_end_costs_no_memory(
    kind: type[JsonLines | CsvTable], tmp_path: Path
) -> None:
    path = tmp_path / "metrics"
    path.write_bytes(b"x" * 3_000_000)
    file = kind(path)
    assert list(file.samples(is_last=True)) == []
    assert file.complaint is not None


def test_steps_that_are_too_large_for_json_stay_fractions(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1e20, "loss": 1}\n{"step": 3.0, "loss": 2}\n')
    steps = [each.step for each in JsonLines(path).samples()]
    assert [type(each) for each in steps] == [float, int]
