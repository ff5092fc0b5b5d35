"""The ring between C++ and Python: what one writes the other reads, word by word."""

import gc
import json
import os
import re
import subprocess
import sys
import threading

import numpy as np
import pytest

from conftest import PROGRAM, ROOT

BRIDGE = ROOT / "bridges" / "ring"
sys.path.insert(0, str(BRIDGE))

from lazarillo_ring import (INTRINSICS_ASSUMED, Kind, PixelFormat, Reader, Record, Ring,  # noqa: E402
                            RingError, Writer, futex, layout)

PEER = PROGRAM.parent / "tests" / "ring" / "ring_peer"


def words(sequence, count):
    """The payload of a value, as tests/ring/values.h has it."""
    with np.errstate(over="ignore"):
        return (np.uint64(sequence) * np.uint64(0x9E3779B97F4A7C15)
                ^ np.arange(count, dtype=np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F))


def is_whole(pin):
    payload = pin.payload.view(np.uint64)
    return (pin.record.frame_sequence == pin.sequence
            and np.array_equal(payload, words(pin.sequence, payload.size)))


def write_value(writer, sequence, count):
    writer.begin()[:8 * count].view(np.uint64)[:] = words(sequence, count)
    return writer.publish(Record(kind=Kind.INTERNAL, frame_sequence=sequence,
                                 payload_bytes=8 * count))


def peer(ring, what, *arguments):
    return subprocess.Popen([str(PEER), what, str(ring.fd), *map(str, arguments)],
                            pass_fds=[ring.fd], stdout=subprocess.PIPE, text=True)


def finish(process):
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return json.loads(out.splitlines()[-1])


def make_ring(**changes):
    return Ring.create("test", **{"slots": 8, "slot_bytes": 4096, "readers": 3, "pins": 2, **changes})


def test_the_layout_is_the_documented_one():
    documented = {"header": {}, "reader": {}, "slot": {}, "record": {}}
    for part, offset, field in re.findall(r"^\| (\w+) \| (\d+) \| [^|]+ \| `(\w+)` \|",
                                          (ROOT / "docs" / "ring.md").read_text(), re.MULTILINE):
        documented[part][field] = int(offset)
    assert documented == {"header": layout.HEADER, "reader": layout.READER, "slot": layout.SLOT,
                          "record": layout.RECORD}
    # And each packed field lies where the table says.
    for field, offset in layout.RECORD.items():
        packed = Record(**{**Record(0, pixel_format=0).__dict__, field: 1}).pack()
        assert next(i for i, byte in enumerate(packed) if byte) // 4 * 4 in (offset, offset + 4), field


def test_an_imu_sample_is_the_documented_one():
    text = (ROOT / "docs" / "ring.md").read_text()
    documented = {field: int(offset) for offset, field in
                  re.findall(r"^\| (\d+) \| [^|]+ \| `(\w+)` \|", text, re.MULTILINE)}
    assert documented == {field: offset for field, (_, offset) in layout.IMU_SAMPLE.fields.items()}
    assert f"A sample has {layout.IMU_SAMPLE.itemsize} bytes" in text


@pytest.mark.parametrize("how", ["next", "newest"])
def test_cpp_writes_and_python_reads(how):
    ring = make_ring()
    reader = Reader(ring)
    writing = peer(ring, "write", 300_000, 4096)
    taken = 0
    while reader.wait(60):
        with getattr(reader, how)() as pin:
            assert is_whole(pin)
            taken += 1
        assert not pin.torn
    assert finish(writing) == {"first": 1, "last": 300_000, "epoch": 1}
    assert ring.closed and reader.position == 300_000
    assert taken > 0 and taken + reader.dropped == 300_000


@pytest.mark.parametrize("how", ["next", "newest"])
def test_python_writes_and_cpp_reads(how):
    ring = make_ring()
    writer = Writer(ring)
    reading = peer(ring, "read", how)
    assert reading.stdout.readline() == "ready\n"
    for sequence in range(1, 10_001):
        assert write_value(writer, sequence, 512) == sequence
    writer.end()
    result = finish(reading)
    assert result["bad"] == 0 and result["position"] == 10_000 and result["taken"] > 0
    assert result["taken"] + result["dropped"] == 10_000


def test_python_and_cpp_read_the_same_ring_at_once():
    ring = make_ring()
    reading = [peer(ring, "read", "next"), peer(ring, "read", "newest")]
    for process in reading:
        assert process.stdout.readline() == "ready\n"
    reader = Reader(ring)
    with pytest.raises(RingError, match="has 3 readers already"):
        Reader(ring)
    writing = peer(ring, "write", 100_000, 4096)
    held = reader.newest() if reader.wait(60) else None
    taken = 1
    while reader.wait(60):
        with reader.next() as pin:
            assert is_whole(pin)
            taken += 1
    assert is_whole(held), "held while everything else went by"
    finish(writing)
    assert taken + reader.dropped == 100_000
    for process in reading:
        result = finish(process)
        assert result["bad"] == 0 and result["taken"] + result["dropped"] == 100_000


def test_a_picture_is_read_in_place_with_its_whole_record():
    ring = make_ring(slot_bytes=64 * 48 * 3)
    image = np.random.default_rng(7).integers(0, 256, (48, 64, 3), np.uint8)
    sent = Record(camera=2, frame_sequence=9, capture_ns=2**62 + 1, device_ns=-3, stream_ns=40,
                  fx=500.5, fy=501.5, cx=31.25, cy=23.75, flags=INTRINSICS_ASSUMED)
    with Writer(ring) as writer:
        writer.write_image(image, sent)
    reader = Reader(Ring.open(f"/proc/self/fd/{ring.fd}"))  # another mapping
    with reader.newest() as pin:
        picture = pin.image()
        assert np.array_equal(picture, image)
        sent.payload_bytes, sent.width, sent.height, sent.stride_bytes = image.size, 64, 48, 192
        assert pin.record == sent
        assert np.shares_memory(picture, reader.ring.array) and not picture.flags.writeable
        # Changing the memory through the first mapping changes the picture: nothing was copied.
        offset = picture.ctypes.data - reader.ring.array.ctypes.data
        ring.array[offset] ^= 0xFF
        assert picture[0, 0, 0] == image[0, 0, 0] ^ 0xFF


def test_waiting_for_a_spare_slot_loses_nothing():
    ring = make_ring(readers=2, pins=2, slots=6)
    writer, readers = Writer(ring), [Reader(ring), Reader(ring)]
    random = np.random.default_rng(5)
    sent, taken, held = 0, [[], []], []
    while sent < 500:
        if writer.has_spare_slot():
            sent = write_value(writer, sent + 1, 8)
        else:
            # Nobody has read what would go, or it is held: reading makes room, and letting go.
            assert min(len(numbers) for numbers in taken) < sent or held
            for _ in range(min(len(held), 2)):
                pin = held.pop(0)
                assert is_whole(pin)
                pin.release()
        which = int(random.integers(2))
        if random.random() < 0.6 and (pin := readers[which].next()) is not None:
            taken[which].append(pin.sequence)
            assert is_whole(pin)
            held.append(pin)
        if held and random.random() < 0.5:
            held.pop(int(random.integers(len(held)))).release()
    for pin in held:
        pin.release()
    for which, reader in enumerate(readers):
        while (pin := reader.next()) is not None:
            taken[which].append(pin.sequence)
            pin.release()
        assert taken[which] == list(range(1, 501)) and reader.dropped == 0
        reader.close()
    assert writer.has_spare_slot(), "there is nobody to lose anything"


def test_grey_rows_with_a_gap_and_other_kinds():
    ring = make_ring()
    writer, reader = Writer(ring), Reader(ring)
    rows = np.arange(4 * 16, dtype=np.uint8).reshape(4, 16)
    writer.write(Record(width=10, height=4, stride_bytes=16, pixel_format=PixelFormat.GRAY8), rows.ravel())
    with reader.next() as pin:
        assert np.array_equal(pin.image(), rows[:, :10])
    writer.write(Record(kind=Kind.CALIBRATION_JSON), json.dumps({"fx": 1}).encode())
    with reader.next() as pin:
        assert pin.record.kind == Kind.CALIBRATION_JSON
        assert json.loads(pin.payload.tobytes()) == {"fx": 1}
    with pytest.raises(ValueError, match="4097 bytes do not fit"):
        writer.write(Record(), bytes(4097))


def test_drops_are_counted_as_in_cpp():
    ring = make_ring()
    writer, in_order, latest = Writer(ring), Reader(ring), Reader(ring)
    for sequence in range(1, 21):
        write_value(writer, sequence, 1)
    assert [in_order.next().sequence for _ in range(8)] == list(range(13, 21))
    assert in_order.next() is None and in_order.dropped == 12
    assert latest.newest().sequence == 20 and latest.newest() is None and latest.dropped == 19
    late = Reader(ring)
    assert late.next().sequence == 13 and late.dropped == 0


def test_what_python_holds_is_not_overwritten_by_cpp():
    ring = make_ring()
    reader = Reader(ring)
    finish(peer(ring, "write", 10, 4096))
    held = [reader.next(), reader.next()]
    assert reader.next() is None and not reader.can_pin()
    finish(peer(ring, "write", 10_000, 4096))
    assert [pin.sequence for pin in held] == [3, 4] and all(map(is_whole, held))
    for pin in held:
        pin.release()
        assert not pin.torn
    assert ring.writer_epoch == 2 and reader.newest().sequence == 10_010


def test_a_faulty_writer_is_found_out():
    ring = make_ring()
    writer, reader = Writer(ring), Reader(ring)
    write_value(writer, 1, 1)
    pin = reader.newest()
    word = ring.sequence_word(0)
    assert ring.u64[word] == 1
    ring.u64[word] = 1 | layout.CLAIMED  # asked for, and refused by our pin: no fault
    pin.release()
    assert not pin.torn
    ring.u64[word] = 1
    write_value(writer, 2, 1)
    pin = reader.newest()
    ring.u64[ring.sequence_word(1)] = 9
    pin.release()
    assert pin.torn and reader.torn == 1


WRITE_AND_STOP = """
import sys
sys.path[:0] = [{bridge!r}, {tests!r}]
from lazarillo_ring import Ring, Writer
from test_ring import write_value
writer = Writer(Ring.open(int(sys.argv[1])))
for sequence in range(1, 21):
    write_value(writer, sequence, 512)
writer.begin()[:2048] = 7
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_killed_python_writer_is_replaced():
    ring = make_ring()
    reader = Reader(ring)
    script = WRITE_AND_STOP.format(bridge=str(BRIDGE), tests=str(ROOT / "tests" / "system"))
    writer = subprocess.Popen([sys.executable, "-c", script, str(ring.fd)], pass_fds=[ring.fd],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert writer.stdout.readline() == "ready\n"
    with pytest.raises(RingError, match=f"process {writer.pid} writes"):
        Writer(ring)
    writer.kill()
    os.waitid(os.P_PID, writer.pid, os.WEXITED | os.WNOWAIT)  # dead, its number still taken
    held = reader.newest()
    assert held.sequence == 20 and is_whole(held) and ring.writer_epoch == 1
    assert finish(peer(ring, "write", 1000, 4096)) == {"first": 21, "last": 1020, "epoch": 2}
    assert is_whole(held)
    with Writer(ring) as next_writer:
        assert ring.writer_epoch == 3 and not ring.closed
        assert write_value(next_writer, 1021, 512) == 1021
    taken = []
    while (pin := reader.next()) is not None:
        with pin:
            assert is_whole(pin)
            taken.append(pin.sequence)
    assert taken == list(range(1015, 1022)), "8 slots less the one held"
    writer.communicate()


def test_a_killed_cpp_reader_gives_its_place():
    ring = make_ring(readers=1, slots=4)
    writer = Writer(ring)
    reading = peer(ring, "read", "next")
    assert reading.stdout.readline() == "ready\n"
    with pytest.raises(RingError, match="1 readers already"):
        Reader(ring)
    assert writer.reclaim() == 0
    reading.kill()
    os.waitid(os.P_PID, reading.pid, os.WEXITED | os.WNOWAIT)  # dead, its number still taken
    assert writer.reclaim() == 1
    reader = Reader(ring)
    write_value(writer, 1, 1)
    assert is_whole(reader.newest())
    reading.communicate()


@pytest.mark.parametrize("system_call", [True, False])
def test_waiting_is_ended_by_a_value_and_by_time(system_call, monkeypatch):
    if not system_call:
        monkeypatch.setattr(futex, "_syscall", None)
    ring = make_ring()
    writer, reader = Writer(ring), Reader(ring)
    assert not reader.wait(0.001)
    result = []
    waiting = threading.Thread(target=lambda: result.append(reader.wait(60)))
    waiting.start()
    write_value(writer, 1, 1)
    waiting.join()
    assert result == [True]
    with reader.newest():
        pass
    waiting = threading.Thread(target=lambda: result.append(reader.wait(60)))
    waiting.start()
    writer.end()
    waiting.join()
    assert result == [True, False] and ring.closed


def test_what_is_no_ring_is_refused(tmp_path):
    ring = make_ring()
    good = ring.array.tobytes()
    file = tmp_path / "ring"

    def refusal(content):
        file.write_bytes(content)
        with pytest.raises(RingError) as error:
            Ring.open(file)
        return str(error.value)

    assert "cut short: 0 bytes" in refusal(b"")
    assert "not a ring" in refusal(b"x" * 5000)
    assert "of version 2" in refusal(good[:8] + b"\2" + good[9:])
    assert "and has" in refusal(good[:-1])
    for offset in range(12, 64, 4):
        assert "damaged" in refusal(good[:offset] + b"\xff\xff\xff\x7f" + good[offset + 4:])
    with pytest.raises(RingError, match="not a regular file"):
        Ring.open("/dev/null")
    with pytest.raises(RingError, match="No such file"):
        Ring.open(tmp_path / "nothing")
    with pytest.raises(RingError, match=r"needs 1073741825 MiB of memory: only "):
        Ring.create("huge", slots=64, slot_bytes=1 << 44)
    with pytest.raises(RingError, match=r"readers \* pins \+ 2"):
        make_ring(slots=7)
    file.write_bytes(good)
    assert Ring.open(file).name == "test"


def test_the_memory_lives_as_long_as_a_view_of_it():
    reader = Reader(make_ring())
    finish(peer(reader.ring, "write", 3, 4096))
    pin = reader.newest()
    view, expected = pin.payload, words(3, 512)
    del reader, pin
    gc.collect()
    assert np.array_equal(view.view(np.uint64), expected)
