"""Event files are read as tensorboardX writes them, whole or cut off anywhere."""

import math
import struct
from pathlib import Path

import pytest
from tensorboardX import SummaryWriter
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.proto.tensor_pb2 import TensorProto
from tensorboardX.proto.tensor_shape_pb2 import TensorShapeProto

from gridray.runner.metrics.events import SMALL, EventFile, masked_crc
from gridray.runner.metrics.growing import DamagedFileError


@pytest.fixture
def written(tmp_path: Path) -> Path:
    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(3):
            writer.add_scalar("loss", 1 / (step + 1), step, walltime=1000.5 + step)
            writer.add_scalar("val/acc", step, 10 * step)
        writer.add_histogram("weights", [1.0, 2.0, 3.0], 0)
        writer.add_text("note", "no number", 0)
    return next(tmp_path.glob("events.out.tfevents.*"))


def write_event(path: Path, event: Event) -> Path:
    writer = EventsWriter(str(path))
    writer.write_event(event)
    writer.close()
    return Path(next(path.parent.glob(f"{path.name}*")))


def test_scalars_come_with_step_and_time(written: Path) -> None:
    found = list(EventFile(written).samples())
    losses = [sample for sample in found if sample.name == "loss"]
    assert [(each.step, each.value) for each in losses] == [(0, 1.0), (1, 0.5), (2, 0.33333334)]
    assert [each.time for each in losses] == [1000.5, 1001.5, 1002.5]
    assert [(each.step, each.value) for each in found if each.name == "val/acc"] == [
        (0, 0),
        (10, 1),
        (20, 2),
    ]
    assert {each.name for each in found} == {"loss", "val/acc"}


def test_a_file_that_is_cut_off_anywhere_waits_for_its_rest(written: Path, tmp_path: Path) -> None:
    data = written.read_bytes()
    growing = tmp_path / "growing"
    growing.touch()
    file = EventFile(growing)
    found = []
    for end in range(0, len(data) + 1, 7):
        growing.write_bytes(data[:end])
        found += list(file.samples())
    growing.write_bytes(data)
    found += list(file.samples(is_last=True))
    assert found == list(EventFile(written).samples())


def test_a_new_file_in_its_place_is_read_from_its_beginning(written: Path) -> None:
    file = EventFile(written)
    assert len(list(file.samples())) == 6
    assert list(file.samples()) == []
    written.unlink()
    write_event(
        written, Event(step=7, summary=Summary(value=[Summary.Value(tag="n", simple_value=2)]))
    )
    renamed = next(written.parent.glob(f"{written.name}*"))
    renamed.rename(written)
    assert [(each.step, each.name) for each in file.samples()] == [(7, "n")]


def test_what_was_there_can_be_skipped(written: Path) -> None:
    file = EventFile(written)
    file.skip()
    assert list(file.samples(is_last=True)) == []


@pytest.mark.parametrize("position", [0, 5, 9])
def test_damage_is_told(written: Path, position: int) -> None:
    data = bytearray(written.read_bytes())
    data[position] ^= 0xFF
    written.write_bytes(data)
    with pytest.raises(DamagedFileError, match="no file of events"):
        list(EventFile(written).samples())


def records(data: bytes | bytearray) -> list[int]:
    """Return where the records of an event file begin."""
    found = [0]
    while found[-1] < len(data):
        (length,) = struct.unpack_from("<Q", data, found[-1])
        found.append(found[-1] + length + 16)
    return found[:-1]


def test_damaged_records_are_told_with_their_place_and_passed_over(written: Path) -> None:
    data = bytearray(written.read_bytes())
    whole = list(EventFile(written).samples())
    begins = records(data)
    data[12:20] = b"\xff" * 8
    value = data.index(struct.pack("<f", 1.0))
    data[value] ^= 1
    written.write_bytes(data)
    file = EventFile(written)
    assert list(file.samples()) == whole[1:]
    assert whole[0][1:] == (0, 1000.5, 1.0) and value < begins[2]
    assert file.complaint == "record at byte 0 is damaged, and 1 more"


def test_a_damaged_footer_is_damage_too(written: Path) -> None:
    data = bytearray(written.read_bytes())
    begins = records(data)
    data[begins[2] - 1] ^= 1
    written.write_bytes(data)
    file = EventFile(written)
    assert len(list(file.samples())) == 5
    assert file.complaint == f"record at byte {begins[1]:,} is damaged"


def test_scalars_of_a_large_record_are_checked_too(tmp_path: Path) -> None:
    picture = Summary.Image(encoded_image_string=bytes(2 * SMALL))
    values = [Summary.Value(tag="n", simple_value=2), Summary.Value(tag="p", image=picture)]
    path = write_event(tmp_path / "e", Event(step=7, summary=Summary(value=values)))
    assert [each.value for each in EventFile(path).samples()] == [2]
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    file = EventFile(path)
    assert list(file.samples(is_last=True)) == [] and file.complaint is not None


def test_a_last_record_that_is_not_yet_there_is_waited_for(written: Path) -> None:
    data = written.read_bytes()
    last = records(data)[-1]
    file = EventFile(written)
    written.write_bytes(data[: last + 12] + bytes(len(data) - last - 12))
    found = list(file.samples())
    written.write_bytes(data)
    found += list(file.samples(is_last=True))
    assert found == list(EventFile(written).samples()) and file.complaint is None


@pytest.mark.parametrize("kept", [3, 12, 20])
def test_an_end_in_the_middle_of_a_record_is_told_when_nothing_more_can_come(
    written: Path, kept: int
) -> None:
    data = bytearray(written.read_bytes())
    begins = records(data)
    written.write_bytes(data[: begins[3] + kept])
    file = EventFile(written)
    assert len(list(file.samples())) == 2 and file.complaint is None
    for _ in range(2):
        assert list(file.samples(is_last=True)) == []
        assert file.complaint == "it ends in the middle of a record"
    data[12:20] = b"\xff" * 8
    written.write_bytes(data[: begins[3] + kept])
    damaged = EventFile(written)
    assert len(list(damaged.samples(is_last=True))) == 2
    assert damaged.complaint == "record at byte 0 is damaged; it ends in the middle of a record"


def test_what_is_whole_and_no_event_is_told(tmp_path: Path) -> None:
    content = b"\xff" * 8
    header = struct.pack("<Q", len(content))
    parts = [header, masked_crc(header), content, masked_crc(content)]
    path = tmp_path / "e"
    path.write_bytes(
        b"".join(each if isinstance(each, bytes) else struct.pack("<I", each) for each in parts)
    )
    with pytest.raises(DamagedFileError, match="byte 0 is no event"):
        list(EventFile(path).samples())


@pytest.mark.parametrize("time", [math.nan, math.inf, -math.inf, -1.0, 1e300])
def test_a_time_that_is_none_does_not_count(tmp_path: Path, time: float) -> None:
    values = [Summary.Value(tag="n", simple_value=2)]
    event = Event(step=7, wall_time=time, summary=Summary(value=values))
    path = write_event(tmp_path / "e", event)
    assert list(EventFile(path).samples()) == [("n", 7, None, 2.0)]


@pytest.mark.parametrize(
    ("tensor", "value"),
    [
        (TensorProto(dtype="DT_FLOAT", tensor_content=struct.pack("<f", 0.1)), 0.1),
        (TensorProto(dtype="DT_FLOAT", float_val=[0.1]), 0.1),
        (TensorProto(dtype="DT_DOUBLE", double_val=[1e300]), 1e300),
        (TensorProto(dtype="DT_INT32", int_val=[-5]), -5),
        (TensorProto(dtype="DT_INT64", int64_val=[2**40]), 2**40),
        (TensorProto(dtype="DT_HALF", tensor_content=struct.pack("<e", 0.5)), 0.5),
        (TensorProto(dtype="DT_HALF", half_val=[0x3800]), 0.5),
        (TensorProto(dtype="DT_FLOAT", float_val=[1, 2]), None),
        (TensorProto(dtype="DT_STRING", string_val=[b"text"]), None),
        (TensorProto(), None),
    ],
)
def test_tensors_of_one_number_are_scalars(
    tmp_path: Path, tensor: TensorProto, value: float | None
) -> None:
    tensor.tensor_shape.CopyFrom(TensorShapeProto())
    path = write_event(
        tmp_path / "e", Event(summary=Summary(value=[Summary.Value(tag="t", tensor=tensor)]))
    )
    found = [sample.value for sample in EventFile(path).samples()]
    assert found == ([] if value is None else [value])


def test_what_is_not_finite_is_kept(tmp_path: Path) -> None:
    with SummaryWriter(str(tmp_path)) as writer:
        for step, value in enumerate((math.nan, math.inf, -math.inf)):
            writer.add_scalar("loss", value, step)
    path = next(tmp_path.glob("events*"))
    found = [sample.value for sample in EventFile(path).samples()]
    assert math.isnan(found[0]) and found[1:] == [math.inf, -math.inf]
