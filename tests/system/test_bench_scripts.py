"""The arithmetic of bench/skipping.py, bench/ladder.py and bench/scaling.py on numbers known before."""

import json
import subprocess
import sys

import pytest
from conftest import ROOT


def event(sequence, tracks, looked_at=True):
    return {"type": "frame", "sequence": sequence, "stream_ns": sequence * 100_000_000,
            "looked_at": looked_at,
            "tracks": [{"track": track, "label": label, "box": box} for track, label, box in tracks]}


def events_file(path, frames):
    lines = [{"type": "run", "schema": 1}, *frames, {"type": "cue", "sequence": 0}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def skipping(folder, full, skipped):
    done = subprocess.run(
        [sys.executable, ROOT / "bench" / "skipping.py", "--events",
         events_file(folder / "full.jsonl", full), events_file(folder / "skipping.jsonl", skipped),
         "--out", folder / "out"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    report = json.loads((folder / "out" / "report.json").read_text())
    return next(iter(report.values())), done.stdout


def box(x):
    """10 x 10 pixels: two of them d apart (d < 10) overlap by (10 - d) / (10 + d)."""
    return [x, 0, x + 10, 10]


def test_overlaps_misses_and_extras_by_hand(tmp_path):
    full = [event(0, [(1, "person", box(0)), (2, "car", box(100))]),
            event(1, [(1, "person", box(2)), (2, "car", box(100))]),
            event(2, [(1, "person", box(4)), (2, "car", box(100))])]
    skipped = [event(0, [(7, "person", box(0)), (8, "car", box(100))]),
               # person 2 px off: IoU 8/12; car 5 px off: 5/15 is no match
               event(1, [(7, "person", box(0)), (8, "car", box(105))], looked_at=False),
               # the car is a bus now: missed, and one too many
               event(2, [(7, "person", box(4)), (9, "bus", box(100))])]
    result, told = skipping(tmp_path, full, skipped)
    assert result["frames"] == 3
    assert result["looked_at_percent"] == pytest.approx(200 / 3)
    assert result["all"]["objects"] == 6
    assert result["all"]["iou"]["mean"] == pytest.approx((1 + 1 + 8 / 12 + 1) / 4)
    assert result["all"]["iou"]["median"] == 1
    assert result["all"]["iou"]["p5"] == pytest.approx(8 / 12)
    assert result["all"]["missed_percent"] == pytest.approx(100 * 2 / 6)
    assert result["all"]["extra_percent"] == pytest.approx(100 * 2 / 6)
    assert result["looked_at"]["frames"] == 2
    assert result["looked_at"]["missed_percent"] == 25
    assert result["predicted"]["frames"] == 1
    assert result["predicted"]["iou"]["mean"] == pytest.approx(8 / 12)
    assert result["predicted"]["missed_percent"] == 50
    assert "looked at 66.7 %" in told


def test_each_object_is_matched_once_and_best_first(tmp_path):
    full = [event(0, [(1, "person", box(0)), (2, "person", box(3))])]
    # Of both, the second is nearest (IoU 9/11 against 8/12): one match, one missed.
    result, _ = skipping(tmp_path, full, [event(0, [(1, "person", box(2))])])
    assert result["all"]["iou"]["mean"] == pytest.approx(9 / 11)
    assert result["all"]["missed_percent"] == 50
    assert result["all"]["extra_percent"] == 0


def test_interpolation_between_looked_at_frames(tmp_path):
    # It speeds up and stops: the full run's boxes lie on the straight line 0, 4, 8, 12.
    full = [event(i, [(1, "person", box(4 * i))]) for i in range(5)]
    skipped = [event(0, [(5, "person", box(0)), (6, "person", box(300))]),
               event(1, [(5, "person", box(2))], looked_at=False),   # IoU 8/12
               event(2, [(5, "person", box(6))], looked_at=False),   # IoU 8/12
               event(3, [(5, "person", box(12))]),
               event(4, [(5, "person", box(100))], looked_at=False)]  # nothing comes after
    result, _ = skipping(tmp_path, full, skipped)
    between = result["between"]
    assert between["prediction"]["frames"] == between["interpolation"]["frames"] == 2
    assert between["prediction"]["iou"]["mean"] == pytest.approx(8 / 12)
    assert between["interpolation"]["iou"]["mean"] == pytest.approx(1)
    assert between["interpolation"]["extra_percent"] == 0, "track 6 is not in both frames"
    assert result["predicted"]["frames"] == 3
    assert result["predicted"]["missed_percent"] == pytest.approx(100 / 3)


def test_a_track_outside_the_picture_is_no_object(tmp_path):
    left = [1, "person", [0, 20, 0, 80]]
    result, _ = skipping(tmp_path, [event(0, [left, (2, "car", box(9))])], [event(0, [left])])
    assert result["all"]["objects"] == 1 and result["all"]["missed_percent"] == 100


def test_nothing_to_see_is_no_percentage(tmp_path):
    result, told = skipping(tmp_path, [event(0, [])], [event(0, [])])
    assert result["all"]["missed_percent"] is None and result["all"]["iou"]["mean"] is None
    assert " - " in told


# ---- ladder

FAKE = '''#!{python}
import json, pathlib, sys
arguments = sys.argv[1:]
profile = pathlib.Path(arguments[arguments.index("--config") + 1]).stem
log = pathlib.Path({log!r})
with log.open("a") as lines:
    lines.write(json.dumps(arguments) + "\\n")
turn = sum(profile in line for line in log.read_text().splitlines()) - 1
looked, tracked = {speeds!r}[profile.split("-")[1]][turn]
moments = {{"p50": 10 + turn, "p95": 20, "p99": 30, "max": 40}}
pathlib.Path(arguments[arguments.index("--json") + 1]).write_text(json.dumps(
    {{"fps": {{"tracked": tracked, "detected": looked, "depth": 0}}, "models": "x", "dropped": {{}},
      "latency_ms": {{"capture_to_decision": moments}}, "cores": {{"all": 1.5}},
      "copies_per_frame": 0}}))
'''


@pytest.mark.parametrize("nvidia", [[], ["--nvidia"]])
def test_ladder_takes_gains_within_a_round(tmp_path, nvidia):
    # Looked at, tracked; by step and round. Step 4 over step 0: 4, 2, 3 times.
    speeds = {str(step): [(10, 60)] * 3 for step in range(6)}
    speeds["0"] = [(10, 20), (20, 20), (10, 20)]
    speeds["4"] = [(40, 60), (40, 60), (30, 60)]
    program = tmp_path / "lazarillo"
    program.write_text(FAKE.format(python=sys.executable, log=str(tmp_path / "log"), speeds=speeds))
    program.chmod(0o755)
    (tmp_path / "video.avi").write_bytes(b"x")
    done = subprocess.run(
        [sys.executable, ROOT / "bench" / "ladder.py", *nvidia, "--program", program, "--video",
         tmp_path / "video.avi", "--rounds", "3", "--out", tmp_path / "report.json"],
        capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    steps = json.loads((tmp_path / "report.json").read_text())["steps"]
    assert [step["profile"].split("-")[1] for step in steps] == list("012345")
    assert steps[4]["looked_at_fps"] == 40
    assert steps[4]["gain_looked_at"] == 3, "the median of 4, 2, 3"
    assert steps[4]["gain_tracked"] == 6, "60 over 10, 20, 10"
    assert steps[0]["gain_looked_at"] == 1
    assert steps[0]["p50_ms"] == 11
    assert steps[1]["plan"]["fps"] == [22, 25]
    calls = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert all("--no-tuned" in call for call in calls)
    assert [("--isolate" in call) for call in calls[:6]] == [False, False, True, False, False, False]


def test_ladder_names_what_is_missing(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "bench" / "ladder.py", "--video", tmp_path / "none.avi"],
        capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "fetch_video.sh" in done.stderr


def test_drift_measures_a_known_drift(tmp_path):
    """A click 5 ms after each second, each 0.05 ms later than the one before: 1.2 ms between the
    middle ones of the first and the last fifth of 30, which are 24 apart."""
    fake = tmp_path / "lazarillo"
    fake.write_text(f"""#!{sys.executable}
import json, pathlib, sys, wave
import numpy as np
out = pathlib.Path(sys.argv[sys.argv.index("--out") + 1])
out.mkdir()
sound = np.zeros((48000 * 32, 2), "<i2")
with open(out / "events.jsonl", "w") as events:
    for i in range(1, 31):
        start = i * 48000 + 240 + round(i * 2.4)
        sound[start:start + 480] = 9000
        for event in ({{"type": "frame", "stream_ns": i * 10**9}},
                      {{"type": "cue", "stream_ns": i * 10**9}}):
            events.write(json.dumps(event) + "\\n")
with wave.open(str(out / "audio.wav"), "wb") as file:
    file.setparams((2, 2, 48000, 0, "NONE", ""))
    file.writeframes(sound.tobytes())
(out / "report.json").write_text(json.dumps({{"frames": 30, "fps": 1, "drops": {{}}}}))
""")
    fake.chmod(0o755)
    # Any file will do: the fake reads none.
    done = subprocess.run(
        [sys.executable, ROOT / "bench" / "drift.py", ROOT / ".cache" / "none.avi", "--program", fake,
         "--joined"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "30 heard" in done.stdout
    assert "drift      +1.21 ms" in done.stdout or "drift      +1.19 ms" in done.stdout
    assert "length     audio.wav +2000.0 ms" in done.stdout
