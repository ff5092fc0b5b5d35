"""`lazarillo eval guidance`: runs over annotated videos, and what is scored of runs there were; and tools/eval/annotate.py."""

import csv
import io
import json
import re
import tarfile

import numpy as np
import pytest
from conftest import lazarillo, still_video
from PIL import Image
from test_bad_input import OUTPUT, SOURCE, USAGE, refused
from test_eval_input import tool

HAZARD = {"kind": "obstacle", "from_s": 2, "tell_by_s": 4, "end_s": 6}


def annotate(folder, name, hazards=(), quiet=None, **keys):
    file = {"schema": 1, "video": f"{name}.mp4", "hazards": list(hazards), **keys}
    if quiet is not None:
        file["quiet"] = quiet
    (folder / f"{name}.hazards.json").write_text(json.dumps(file))


def cue(at_s, kind="obstacle", priority="warning", side="ahead", track=None, label=None, text="Obstacle, two metres"):
    return {"type": "cue", "stream_ns": int(at_s * 1e9), "kind": kind, "priority": priority, "side": side,
            "track": track, "label": label, "text": text}


def write_events(folder, name, cues, seconds=20):
    """As a run over a video of ten frames a second would have written them."""
    lines = [{"type": "run", "schema": 1, "program": "lazarillo", "models": "lznet"}]
    lines += sorted([{"type": "frame", "stream_ns": i * 10**8} for i in range(seconds * 10)] + cues,
                    key=lambda line: line["stream_ns"])
    (folder / name).mkdir(parents=True)
    (folder / name / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def guidance(folder, tmp_path, *arguments):
    result = lazarillo("eval", "guidance", folder, "--json", tmp_path / "guidance.json", *arguments)
    assert result.code == 0, result.err
    return result, json.loads((tmp_path / "guidance.json").read_text())


def test_hit_late_missed_and_false(tmp_path):
    walk = [HAZARD, {**HAZARD, "kind": "drop", "from_s": 7, "tell_by_s": 8, "end_s": 10},
            {**HAZARD, "kind": "object", "label": "person", "side": "left", "from_s": 11, "tell_by_s": 12, "end_s": 14}]
    annotate(tmp_path, "walk", walk, [[0, 2], [15, 19]], never=["head_level"])
    annotate(tmp_path, "still", [], "elsewhere")
    events = tmp_path / "events"
    write_events(events, "walk", [
        cue(3), cue(3.5),
        cue(9, kind="stairs_down", priority="critical", text="Stairs down"),
        cue(11.5, kind="object", priority="info", side="right", track=3, label="person", text="Person on your right"),
        cue(16, kind="object", side="right", track=4, label="chair", text="Chair on your right"),
        cue(17, kind="object", priority="info", track=5, label="cup", text="Cup ahead"),
        cue(19.5, kind="head_level", text="Head!")])
    write_events(events, "still", [cue(5)], seconds=10)
    result, numbers = guidance(tmp_path, tmp_path, "--events", events)
    assert {k: numbers[k] for k in ("hazards", "hit", "late", "missed", "false")} == {
        "hazards": 3, "hit": 1, "late": 1, "missed": 1, "false": 2}
    assert numbers["quiet_s"] == pytest.approx(2 + 4 + 10)
    assert numbers["false_per_minute"] == pytest.approx(2 / 16 * 60)
    assert numbers["impossible"] == 1 and numbers["impossible_per_minute"] == pytest.approx(3)
    assert numbers["cues_per_minute"] == pytest.approx(8 / 30 * 60)
    assert numbers["words_per_minute"] == pytest.approx((3 * 3 + 2 + 4 + 4 + 2 + 1) / 30 * 60)
    still, walk = numbers["sequences"]
    assert [s["name"] for s in (still, walk)] == ["still", "walk"]
    assert [h["telling"] for h in walk["each"]] == ["hit", "late", "missed"]
    assert walk["each"][0]["lead_s"] == pytest.approx(1) and walk["each"][1]["lead_s"] == pytest.approx(-1)
    assert walk["each"][2]["cue"] is None
    assert [c["text"] for c in walk["false_cues"]] == ["Chair on your right"] and still["false"] == 1
    assert numbers["per_kind"]["drop"] == {"hazards": 1, "hit": 0, "late": 1, "missed": 0}
    row = next(line.split() for line in result.out.splitlines() if line.startswith("  all"))
    assert row == ["all", "3", "1", "1", "1"]
    done = tool("plots.py", tmp_path / "guidance.json", "--out", tmp_path / "plots")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "plots" / "guidance.png").exists()


def test_a_video_is_run(tmp_path):
    """What is scored is what the run wrote, whichever way it is asked for."""
    still_video(tmp_path / "bars.mp4", seconds=2)
    annotate(tmp_path, "bars", [{**HAZARD, "from_s": 0, "tell_by_s": 1, "end_s": 2}], hfov_deg=60)
    _, ran = guidance(tmp_path, tmp_path, "--out", tmp_path / "runs")
    events = [json.loads(line) for line in (tmp_path / "runs" / "bars" / "events.jsonl").read_text().splitlines()]
    assert sum(e["type"] == "frame" for e in events) == 20
    assert ran["seconds_of_stream"] == pytest.approx(2, abs=0.01) and ran["models"] == "lznet"
    assert ran["sequences"][0]["cues"] == sum(e["type"] == "cue" for e in events)
    assert ran["false_per_minute"] is None
    _, scored = guidance(tmp_path, tmp_path, "--events", tmp_path / "runs")
    assert {**ran, "seconds": 0} == {**scored, "seconds": 0}


def test_nothing_is_kept_that_was_not_asked_for(tmp_path):
    still_video(tmp_path / "bars.mp4", seconds=1)
    annotate(tmp_path, "bars")
    (tmp_path / "temporary").mkdir()
    result = lazarillo("eval", "guidance", tmp_path, env={"TMPDIR": str(tmp_path / "temporary")})
    assert result.code == 0, result.err
    assert not list((tmp_path / "temporary").iterdir())
    assert not (tmp_path / "bars").exists()


def test_bad_input(tmp_path):
    def refuses(code, *words, arguments=()):
        refused(lazarillo("eval", "guidance", tmp_path, *arguments), code, *words)
    refused(lazarillo("eval", "guidance", tmp_path / "none"), SOURCE, "none", "no folder")
    refuses(SOURCE, "hazards.json", "evaluation.md")
    annotate(tmp_path, "walk", [{**HAZARD, "kind": "tree"}])
    refuses(SOURCE, "walk.hazards.json", "hazard 1", "tree", "obstacle")
    annotate(tmp_path, "walk", [HAZARD], [[5, 8]])
    refuses(SOURCE, "walk.hazards.json", "quiet")
    annotate(tmp_path, "walk", [HAZARD])
    refuses(SOURCE, "walk.mp4")
    refuses(SOURCE, "events.jsonl", arguments=["--events", tmp_path])
    write_events(tmp_path / "events", "walk", [], seconds=3)
    refuses(SOURCE, "walk", "4 s", "3.00 s", arguments=["--events", tmp_path / "events"])
    refuses(OUTPUT, "none", arguments=["--json", tmp_path / "none" / "x.json"])
    both = lazarillo("eval", "guidance", tmp_path, "--events", tmp_path / "events", "--models", "lznet")
    assert both.code == USAGE and "--events" in both.err and "--models" in both.err


def kitchen_like(folder, distances, fps=10):
    """A camera 1.5 m above a floor, that looks 20 degrees down along a corridor towards a wall so far away, frame by
    frame; the world's axes are none of its own. Depth 64 x 48 of a picture of 640 with a focal length of 500."""
    folder.mkdir()
    still_video(folder / "walk.mp4", seconds=len(distances) // fps, fps=fps)
    pitch = np.radians(20)
    level = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    turn *= np.linalg.det(turn)
    x, y = np.meshgrid((np.arange(64) - 31.5) / 50, (np.arange(48) - 23.5) / 50)
    rays = np.stack([x, y, np.ones_like(x)], -1) @ level.T  # right, down, ahead
    with open(folder / "poses.csv", "w", newline="") as stream, tarfile.open(folder / "depth.tar", "w") as tar:
        lines = csv.writer(stream)
        lines.writerow(["frame", *("r00 r01 r02 tx r10 r11 r12 ty r20 r21 r22 tz".split())])
        for frame, distance in enumerate(distances):
            floor = np.where(rays[..., 1] > 0, 1.5 / np.maximum(rays[..., 1], 1e-9), np.inf)
            depth = np.minimum(floor, distance / rays[..., 2])
            place = turn @ [0, 0, 8 - distance] + [1, 2, 3]
            lines.writerow([frame, *np.column_stack([turn @ level, place]).ravel()])
            data = io.BytesIO()
            Image.fromarray((depth * 1000).astype(np.uint16)).save(data, "png")
            member = tarfile.TarInfo(f"{frame:06}.png")
            member.size = data.tell()
            tar.addfile(member, io.BytesIO(data.getvalue()))
    return folder


def test_annotations_out_of_depth(tmp_path):
    """Two seconds far from a wall, then towards it at 1 m/s, then away at 2 m/s, and far again."""
    distances = [5.0] * 20 + [5 - i / 10 for i in range(43)] + [0.8 + i / 5 for i in range(22)] + [5.0] * 15
    folder = kitchen_like(tmp_path / "recording", distances)
    done = tool("annotate.py", folder, tmp_path / "out", "--fps", 10, "--focal", 500)
    assert done.returncode == 0, done.stderr
    low, high = re.match(r"camera ([\d.]+) to ([\d.]+) m above", done.stdout).groups()
    assert [float(low), float(high)] == pytest.approx([1.5, 1.5], abs=0.03)
    made = json.loads((tmp_path / "out" / "walk.hazards.json").read_text())
    assert made["video"] == str(folder / "walk.mp4") and made["hfov_deg"] == pytest.approx(65.24, abs=0.01)
    assert made["never"] == ["drop", "stairs_down"], "the wall reaches up to the head"
    (hazard,) = made["hazards"]
    assert hazard["kind"] == "obstacle"
    assert hazard["from_s"] == pytest.approx(4.0, abs=0.21), "3 m"
    assert hazard["tell_by_s"] == pytest.approx(5.8, abs=0.21), "1.2 m"
    assert hazard["end_s"] == pytest.approx(7.4, abs=0.21), "3 m again"
    assert np.allclose(made["quiet"], [[0, 4.0], [7.4, 9.9]], atol=0.21)
    write_events(tmp_path / "events", "walk", [cue(5), cue(8.5)], seconds=10)
    _, numbers = guidance(tmp_path / "out", tmp_path, "--events", tmp_path / "events")
    assert (numbers["hit"], numbers["false"]) == (1, 1)


def test_what_cannot_be_annotated(tmp_path):
    for arguments in [tmp_path / "none"], [tmp_path]:
        done = tool("annotate.py", *arguments, tmp_path / "out")
        assert done.returncode != 0 and done.stderr.startswith("annotate.py: ") and done.stderr.count("\n") == 1
