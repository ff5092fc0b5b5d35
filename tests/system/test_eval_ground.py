"""`lazarillo eval ground` on rooms whose floor is known because they were made here."""

import json
import math

import numpy as np
import pytest
from conftest import lazarillo
from PIL import Image
from test_eval import evaluate, write_rows
from test_eval_input import tool

WIDTH, HEIGHT, FOCAL = 416, 312, 350.0


def corridor(height, pitch_deg, roll_deg, ahead=6.0, half=1.2):
    """A corridor with a wall at its end: depth along the optical axis, in metres, a picture that looks like one, where
    down is, and which pixels show the floor."""
    p, r = math.radians(pitch_deg), math.radians(roll_deg)
    x, y = np.meshgrid((np.arange(WIDTH) - (WIDTH - 1) / 2) / FOCAL, (np.arange(HEIGHT) - (HEIGHT - 1) / 2) / FOCAL)
    down = np.array([math.sin(r) * math.cos(p), math.cos(r) * math.cos(p), math.sin(p)])
    right = np.array([math.cos(r), -math.sin(r), 0])
    forward = np.cross(right, down)
    rays = np.stack([x, y, np.ones_like(x)], -1)
    with np.errstate(divide="ignore"):
        floor, wall = height / (rays @ down), ahead / (rays @ forward)
        side = half / abs(rays @ right)
        ceiling = (2.6 - height) / -(rays @ down)
    every = np.stack([np.where(d > 0, d, np.inf) for d in (floor, wall, side, ceiling)])
    depth = every.min(0)
    surface = every.argmin(0)
    point = rays * depth[..., None]
    tiles = (np.floor(point @ right / 0.3) + np.floor(point @ forward / 0.3)) % 2
    shade = np.choose(surface, [90 + 50 * tiles, 170 + 0 * tiles, 200 + 0 * tiles, 235 + 0 * tiles])
    picture = (shade * np.clip(1.2 - depth / 12, 0.4, 1))[..., None] * [1, 0.97, 0.9]
    return depth, picture.astype(np.uint8), down, surface == 0


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rooms")
    rows, truths = [], []
    for i, (height, pitch, roll) in enumerate([(1.6, 20, 0), (1.45, 12, 4), (1.7, 25, -5), (1.3, 15, 2)]):
        depth, picture, down, floor = corridor(height, pitch, roll)
        Image.fromarray(picture).save(folder / f"{i}.png")
        Image.fromarray((depth * 1000).astype(np.uint16)).save(folder / f"{i}-depth.png")
        rows.append({"file": f"{i}.png", "depth": f"{i}-depth.png", "width": WIDTH, "height": HEIGHT, "focal": FOCAL,
                     "set": "made", "split": "val"})
        truths.append((height, floor.mean(), down))
    # A wall and nothing else: there is no floor.
    Image.fromarray(np.full((HEIGHT, WIDTH, 3), 160, np.uint8)).save(folder / "wall.png")
    Image.fromarray(np.full((HEIGHT, WIDTH), 1500, np.uint16)).save(folder / "wall-depth.png")
    rows.append({**rows[0], "file": "wall.png", "depth": "wall-depth.png", "set": "wall"})
    write_rows(folder, "depth", rows)
    return folder, rows, truths


def test_the_measured_floor_is_the_true_one(rooms, tmp_path):
    folder, _, truths = rooms
    result = evaluate("ground", folder, tmp_path)
    for (height, share, _), picture in zip(truths, result["pictures"]):
        assert picture["true_height_m"] == pytest.approx(height, abs=0.02)
        assert picture["floor_share"] == pytest.approx(share, abs=0.03)
    assert result["pictures"][-1]["floor_share"] == 0 and result["pictures"][-1]["true_height_m"] is None


def test_errors_are_those_of_what_was_found(rooms, tmp_path):
    folder, _, truths = rooms
    result = evaluate("ground", folder, tmp_path)
    tilts, heights = [], []
    for (height, _, down), picture in zip(truths, result["pictures"]):
        if not picture["found"]:
            continue
        p, r = math.radians(picture["pitch_deg"]), math.radians(picture["roll_deg"])
        found = np.array([math.sin(r) * math.cos(p), math.cos(r) * math.cos(p), math.sin(p)])
        tilt = math.degrees(math.acos(min(1.0, found @ down)))
        assert picture["tilt_error_deg"] == pytest.approx(tilt, abs=0.5), "the reference itself errs a little"
        tilts.append(picture["tilt_error_deg"])
        heights.append(picture["height_m"] / picture["true_height_m"] - 1)
    assert result["with_floor"] == len(truths) and result["found"] == len(tilts)
    assert result["without_floor"] == 1
    assert result["found_without_floor"] == int(result["pictures"][-1]["found"])
    assert result["per_set"]["made"]["with_floor"] == len(truths) and result["per_set"]["wall"]["with_floor"] == 0
    if tilts:
        assert result["tilt_median_deg"] == pytest.approx(np.median(tilts))
        assert result["tilt_p90_deg"] == pytest.approx(np.quantile(tilts, 0.9))
        assert result["height_median_error"] == pytest.approx(np.median(np.abs(heights)))
        assert result["height_bias"] == pytest.approx(np.median(heights))


def test_where_down_was_measured_it_is_used(rooms, tmp_path):
    """A floor that is 30 degrees off what was measured is a ramp or a wall, but no floor."""
    folder, rows, truths = rooms
    other = tmp_path / "other"
    other.mkdir()
    for file in folder.iterdir():
        (other / file.name).symlink_to(file)
    (other / "depth.jsonl").unlink()
    true_down, wrong_down = truths[0][2], [0, math.cos(math.radians(50)), math.sin(math.radians(50))]
    write_rows(other, "depth", [{**rows[0], "down": list(true_down * 9.81)}, {**rows[0], "down": wrong_down}])
    pictures = evaluate("ground", other, tmp_path)["pictures"]
    assert pictures[0]["floor_share"] > 0.3 and pictures[1]["floor_share"] == 0


def test_gravity_that_is_told_counts(rooms, tmp_path):
    """Told right, the found ground lies across it; told 60 degrees off, there is none."""
    folder, rows, truths = rooms
    other = tmp_path / "other"
    other.mkdir()
    for file in folder.iterdir():
        (other / file.name).symlink_to(file)
    (other / "depth.jsonl").unlink()
    wrong = [0, math.cos(math.radians(80)), math.sin(math.radians(80))]
    write_rows(other, "depth", [{**row, "down": list(down)} for row, (_, _, down) in zip(rows, truths)]
               + [{**rows[0], "down": wrong}])
    result = evaluate("ground", other, tmp_path, "--gravity", "1")
    assert result["gravity_error_deg"] == 1
    *right, told_wrong = result["pictures"]
    assert sum(p["found"] for p in right) >= 3
    assert all(p["tilt_error_deg"] < 19 for p in right if p["found"]), "three deviations of 6 degrees"
    assert not told_wrong["found"]
    assert evaluate("ground", other, tmp_path, "--gravity", "1")["pictures"] == result["pictures"], "the same errors"
    assert evaluate("ground", other, tmp_path)["gravity_error_deg"] is None


def test_the_table_says_what_the_file_says(rooms, tmp_path):
    folder, _, _ = rooms
    result = lazarillo("eval", "ground", folder, "--json", tmp_path / "g.json", "--max", "2")
    assert result.code == 0, result.err
    made = json.loads((tmp_path / "g.json").read_text())
    row = next(line.split() for line in result.out.splitlines() if line.startswith("  all"))
    assert [int(v) for v in row[1:6]] == [made[k] for k in ("images", "with_floor", "found", "without_floor",
                                                           "found_without_floor")]
    assert made["images"] == 2


def test_the_plot_is_drawn(rooms, tmp_path):
    evaluate("ground", rooms[0], tmp_path)
    done = tool("plots.py", tmp_path / "ground.json", "--out", tmp_path / "plots")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "plots" / "ground-tilt.png").exists()
