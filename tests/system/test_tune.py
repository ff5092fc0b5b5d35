"""lazarillo tune, and who reads what it writes."""

import re
import tomllib

import pytest
from conftest import ROOT, lazarillo, run


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A settings folder in which this machine was tuned, quickly."""
    folder = tmp_path_factory.mktemp("settings")
    result = lazarillo("tune", "--seconds", "0.01", env={"XDG_CONFIG_HOME": str(folder)})
    assert result.code == 0, result.err
    assert "chosen" in result.out and "frames/s" in result.err
    return folder


def profile(home):
    return home / "lazarillo" / "machine.toml"


def test_the_profile_is_a_configuration(home):
    written = tomllib.loads(profile(home).read_text())
    assert written["models"] == written["tuned"]["models"] and written["tuned"]["processor"]
    printed = lazarillo("config", "--config", profile(home))
    assert printed.code == 0, printed.err
    settings = tomllib.loads(printed.out)
    assert settings["see"]["threads"] == written["see"]["threads"] >= 1
    assert settings["run"]["streams"] == written["run"]["streams"] >= 1
    assert settings["run"]["stream_threads"] == written["run"]["stream_threads"] >= 1


def test_the_choice_follows_from_the_table(home):
    """The rule of docs/usage.md, on the numbers in the profile's own comment."""
    lines = [line.lstrip("# ").split() for line in profile(home).read_text().splitlines()]
    text = profile(home).read_text()
    steps = [(name, float(re.search(rf"^# {name} +one frame a call +([\d.]+) ms$", text, re.M)[1]))
             for name in ("lznet", "lznet-int8", "lznet-nano")]
    in_time = [name for name, ms in steps if ms <= 0.8 * 1000 / 60]
    assert tomllib.loads(text)["models"] in (in_time[:1] or [min(steps, key=lambda s: s[1])[0]])
    detector = {int(w[1]): float(w[w.index("ms") - 1]) for w in lines
                if w and w[0] == "detector" and w[3] == "1"}
    replay = {(int(w[1]), int(w[4]), int(w[6])): float(w[-2]) for w in lines if w and w[0] == "replay"}
    written = tomllib.loads(profile(home).read_text())
    chosen = written["see"]["threads"]
    # The comment is rounded to 0.1 ms and 0.1 frames/s.
    assert detector[chosen] <= 1.05 * min(detector.values()) + 0.2
    batch = written["see"]["batch"]
    best = replay[written["run"]["streams"], written["run"]["stream_threads"], batch]
    single = max(rate for key, rate in replay.items() if key[2] == 1)
    batched = max((rate for key, rate in replay.items() if key[2] > 1), default=0)
    assert best >= (batched if batch > 1 else single) - 0.1
    assert batch > 1 or batched < 1.05 * single + 0.2
    assert batch == 1 or batched > 1.05 * single - 0.2


def test_dry_run_writes_nothing(tmp_path):
    result = lazarillo("tune", "--seconds", "0.01", "--dry-run", env={"XDG_CONFIG_HOME": str(tmp_path)})
    assert result.code == 0 and "chosen" in result.out
    assert list(tmp_path.iterdir()) == []


def test_it_writes_where_it_is_told_or_says_why_not(tmp_path):
    result = lazarillo("tune", "--seconds", "0.01", "--write", tmp_path / "mine.toml")
    assert result.code == 0 and (tmp_path / "mine.toml").exists()
    (tmp_path / "file").write_text("")
    result = lazarillo("tune", "--seconds", "0.01", "--write", tmp_path / "file" / "mine.toml")
    assert result.code == 5 and len(result.error_lines) >= 1 and "--write" in result.error_lines[-1]


def test_doctor_says_whether_there_is_one(home, tmp_path):
    there = lazarillo("doctor", env={"XDG_CONFIG_HOME": str(home)})
    models = tomllib.loads(profile(home).read_text())["models"]
    assert f"for the models '{models}': {profile(home)}" in there.out
    assert "`lazarillo tune` finds" in lazarillo("doctor", env={"XDG_CONFIG_HOME": str(tmp_path)}).out


def test_run_reads_it_unless_told_not_to(home, tmp_path, small_video):
    # The same machine and models, and a setting whose use cannot be overlooked.
    (tmp_path / "lazarillo").mkdir()
    (tmp_path / "lazarillo" / "machine.toml").write_text('language = "xx"\n' + profile(home).read_text())
    env = {"XDG_CONFIG_HOME": str(tmp_path)}
    arguments = ["--no-video", "--no-sound"]
    read = run(small_video, tmp_path / "a", *arguments, env=env)
    assert read.code == 2 and "xx" in read.err
    assert run(small_video, tmp_path / "b", *arguments, "--no-tuned", env=env).code == 0
    read_again = run(small_video, tmp_path / "c", *arguments, "--lang", "en", env=env)
    assert read_again.code == 0
    (tmp_path / "mine.toml").write_text('language = "es"\n')
    mine = run(small_video, tmp_path / "d", *arguments, "--config", tmp_path / "mine.toml", env=env)
    assert mine.code == 0 and mine.report["language"] == "es"
    # Its models run, and with others it does not count.
    models = tomllib.loads(profile(home).read_text())["models"]
    assert read_again.report["models"] == models
    other = run(small_video, tmp_path / "e", *arguments, "--models", ROOT / "models" / "lznet.toml", env=env)
    assert other.code == 0, other.err


def test_a_damaged_one_is_told_with_the_way_out(tmp_path, small_video):
    (tmp_path / "lazarillo").mkdir()
    (tmp_path / "lazarillo" / "machine.toml").write_text("[tuned\n")
    env = {"XDG_CONFIG_HOME": str(tmp_path)}
    result = run(small_video, tmp_path / "a", "--no-sound", env=env)
    assert result.code == 2
    assert len(result.error_lines) == 1 and "--no-tuned" in result.error_lines[0]
    assert run(small_video, tmp_path / "b", "--no-sound", "--no-video", "--no-tuned", env=env).code == 0
    assert lazarillo("doctor", env=env).code == 0


def test_a_run_fed_at_another_rate_has_its_frames_there(tmp_path, small_video):
    result = run(small_video, tmp_path / "out", "--no-video", "--no-sound", "--feed-fps", "50")
    assert [frame["stream_ns"] for frame in result.frames] == [i * 20_000_000 for i in range(20)]
