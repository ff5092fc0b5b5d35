"""bench/compare.py with programs that measure nothing and write numbers known before."""

import json
import subprocess
import sys

import pytest
from conftest import ROOT

COMPARE = ROOT / "bench" / "compare.py"
# Frames a second of each round. Ratios lznet: 10, 12, 8; fast: 20, 16, 30; pair: 2, 4, 3. Not in the
# order of size.
LZNET, FAST, PAIR, PEER = [40, 60, 24], [80, 80, 90], [8, 20, 9], [4, 5, 3]

FAKE = '''#!{python}
import json, pathlib, sys
arguments = sys.argv[1:]
part = ("fast" if "--fast" in arguments else "peer" if "--feed-fps" not in arguments else
        "lznet" if "lznet-int8" in arguments else "pair")
folder = pathlib.Path({folder!r})
with (folder / "order").open("a") as order:
    order.write(part + "\\n")
fault = folder / ("fail-" + part)
if fault.exists():
    print("first line\\n" + fault.read_text(), file=sys.stderr)
    sys.exit(4)
turn = (folder / "order").read_text().split().count(part) - 1
speed = {speeds!r}[part][turn]
if part == "peer":
    result = {{"fps": speed, "frames": 9, "ms": {{"frame": {{"p50": 1.5, "p95": 2, "p99": 3, "max": 4}}}}}}
else:
    result = {{"fps": {{"tracked": 2 * speed, "detected": speed}},
              "latency_ms": {{"capture_to_decision": {{"p50": 10 + turn, "p95": 20, "p99": 30, "max": 40}}}},
              "copies_per_frame": 1, "dropped": {{"late": turn}}, "rss_growth_mib": 0.5, "more": part}}
drop = folder / "without"
if drop.exists() and part == "lznet":
    del result[drop.read_text()]
pathlib.Path(arguments[arguments.index("--json") + 1]).write_text(json.dumps(result))
'''


@pytest.fixture
def fake(tmp_path):
    """Stands in for Lazarillo and for the peer's Python."""
    speeds = {"lznet": LZNET, "fast": FAST, "pair": PAIR, "peer": PEER}
    program = tmp_path / "fake"
    program.write_text(FAKE.format(python=sys.executable, folder=str(tmp_path), speeds=speeds))
    program.chmod(0o755)
    (tmp_path / "video.avi").write_bytes(b"x")
    (tmp_path / "yolo12n-dav2s-random.toml").write_text("")
    return tmp_path


def compare(folder, *arguments):
    done = subprocess.run(
        [sys.executable, COMPARE, "--program", folder / "fake", "--python", folder / "fake", "--models",
         folder, "--video", folder / "video.avi", "--out", folder / "out" / "report.json", *arguments],
        capture_output=True, text=True, timeout=60)
    report = folder / "out" / "report.json"
    return done, json.loads(report.read_text()) if report.exists() else None


def test_medians_and_ratios(fake):
    done, report = compare(fake)
    assert done.returncode == 0, done.stderr
    assert set(report) == {"fps", "latency_ms", "copies_per_frame", "dropped", "rss_growth_mib", "more",
                           "peer", "fast", "pair", "machine", "rounds"}
    # The median round of lznet is the first (24 < 40 < 60), of the pair the third (8 < 9 < 20).
    assert report["fps"] == {"tracked": 80, "detected": 40} and report["more"] == "lznet"
    assert report["latency_ms"]["capture_to_decision"]["p50"] == 10
    assert report["pair"]["fps"]["detected"] == 9 and report["pair"]["dropped"] == {"late": 2}
    assert report["peer"]["fps"] == 4
    # Ratios belong to their round: the median of 10, 12, 8, not the ratio of the medians.
    assert report["peer"]["ratio"] == 10
    assert report["peer"]["ratio_spread"] == {"median": 10, "min": 8, "max": 12}
    assert report["peer"]["ratio_tracked"] == {"median": 20, "min": 16, "max": 24}
    assert report["fast"]["ratio_spread"] == {"median": 20, "min": 16, "max": 30}
    assert report["pair"]["ratio"] == 3
    assert report["pair"]["ratio_spread"] == {"median": 3, "min": 2, "max": 4}
    assert report["pair"]["ratio_tracked"] == {"median": 6, "min": 4, "max": 8}
    assert report["pair"]["precision"] in ("f32", "bf16")
    assert report["machine"]["cores"] >= 1 and report["machine"]["cpu"]
    assert [each["peer"]["fps"] for each in report["rounds"]] == PEER
    assert "10.0 (8.0-12.0)" in done.stdout and "3.0 (2.0-4.0)" in done.stdout


def test_the_order_turns_and_progress_is_told(fake):
    done, _ = compare(fake)
    assert (fake / "order").read_text().split() == [
        "lznet", "fast", "pair", "peer", "fast", "pair", "peer", "lznet", "pair", "peer", "lznet", "fast"]
    assert "round 2 of 3: peer 5.0 frames a second" in done.stderr


@pytest.mark.parametrize("part", ["lznet", "fast", "pair", "peer"])
def test_a_part_that_fails_is_told_in_one_line(fake, part):
    (fake / f"fail-{part}").write_text("what went wrong")
    done, report = compare(fake)
    assert done.returncode == 1 and report is None
    assert done.stderr.splitlines()[-1] == f"bench: {part} failed with exit code 4: what went wrong"


@pytest.mark.parametrize("key", ["fps", "latency_ms", "copies_per_frame", "dropped", "rss_growth_mib"])
def test_a_result_without_a_key_is_refused(fake, key):
    (fake / "without").write_text(key)
    done, report = compare(fake)
    assert done.returncode == 1 and report is None
    assert key in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr


@pytest.mark.parametrize("file, remedy", [
    ("fake", "make build"), ("yolo12n-dav2s-random.toml", "make bench-setup"),
    ("video.avi", "scripts/fetch_video.sh")])
def test_what_is_missing_is_named(fake, file, remedy):
    (fake / file).unlink()
    done, _ = compare(fake)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and file in done.stderr and remedy in done.stderr


def test_a_missing_peer_environment_is_named(fake):
    done, _ = compare(fake, "--python", fake / "nowhere" / "python")
    assert done.returncode == 2 and "make bench-setup" in done.stderr
    assert not (fake / "order").exists(), "nothing may run before all is there"
