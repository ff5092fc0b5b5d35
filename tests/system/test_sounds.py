"""lazarillo sounds, and how it is said."""

import re
import wave

from conftest import ROOT, lazarillo


def test_every_sound_is_on_the_page(tmp_path):
    result = lazarillo("sounds", tmp_path / "out", "--lang", "en")
    assert result.code == 0, result.err
    page = (tmp_path / "out" / "index.html").read_text()
    named = re.findall(r'src="([^"]+)"', page)
    assert len(named) == len(set(named)) == 10
    assert {file.name for file in (tmp_path / "out").glob("*.wav")} == set(named)
    for name in named:
        with wave.open(str(tmp_path / "out" / name)) as sound:
            assert (sound.getnchannels(), sound.getframerate()) == (2, 48000)
            samples = memoryview(sound.readframes(sound.getnframes())).cast("h")
            assert 300 < max(samples) <= 32767
    assert "Mind your head" in page and "Stop! Drop" in page


def test_it_is_said_as_the_settings_want(tmp_path):
    config = tmp_path / "mine.toml"
    config.write_text('[speak]\ndistance = "steps"\nstep_m = 0.8\ndirection = "clock"\n')
    result = lazarillo("sounds", tmp_path / "out", "--lang", "en", "--config", config)
    assert result.code == 0, result.err
    page = (tmp_path / "out" / "index.html").read_text()
    assert "Chair one o'clock, 5 steps" in page and "metre" not in page


def test_a_wording_there_is_not_is_one_line(tmp_path, small_video):
    config = tmp_path / "mine.toml"
    config.write_text('[speak]\ndistance = "feet"\n')
    result = lazarillo("run", small_video, "--out", tmp_path / "out", "--config", config)
    assert result.code == 2
    assert len(result.error_lines) == 1 and "speak.distance" in result.err and "steps" in result.err


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    result = lazarillo("sounds", tmp_path / "file" / "out")
    assert result.code == 5 and len(result.error_lines) == 1
    assert (ROOT / "docs" / "guidance.md").read_text().count("lazarillo sounds DIR") == 1
