"""A recogniser that never heard of Lazarillo understands what it says.

PocketSphinx with its own English model listens to sentences as they come out of the program, placed
around the head by HRTF. It is told what kinds of sentences there are (a grammar of thousands of
them), not which one it hears."""

import re
import subprocess
import wave

import numpy as np
import pytest
from conftest import PROGRAM, ROOT

pocketsphinx = pytest.importorskip("pocketsphinx")
SAY = PROGRAM.parent / "lazarillo-say"

GRAMMAR = """#JSGF V1.0;
grammar cues;
<object> = person | car | bus | bicycle | dog | cat | chair | door | bench | truck | train | horse |
           bottle | table | motorbike | obstacle;
<hour> = one | two | three | nine | ten | eleven;
<side> = ahead | ( left | right ) [ <hour> o'clock ];
<distance> = half a meter | one meter | one and a half meters | about ( ten | fifteen | twenty )
             meters | ( two | three | four | five | six | seven | eight | nine | ten ) meters;
public <cue> = <object> [ coming ] <side> <distance> | i cannot see | i can see again;
"""
# object, approaching or not, side, distance
SENTENCES = 16 * 2 * (1 + 2 * (1 + 6)) * (3 + 3 + 9) + 2

# what is asked for, and what must be understood
CUES = [
    (["person", 5, "--bearing", 0], "person ahead five meters"),
    (["car", 3, "--bearing", 60], "car right two o'clock three meters"),
    (["dog", 2, "--bearing", -60], "dog left ten o'clock two meters"),
    (["bicycle", 8, "--bearing", -30], "bicycle left eleven o'clock eight meters"),
    (["chair", 1.5, "--bearing", 0], "chair ahead one and a half meters"),
    (["bus", 15, "--bearing", 30], "bus right one o'clock about fifteen meters"),
    (["door", 4, "--bearing", -55], "door left ten o'clock four meters"),
    (["person", 6, "--bearing", 0, "--kind", "approaching"], "person coming ahead six meters"),
    (["truck", 20, "--bearing", 35, "--kind", "approaching"],
     "truck coming right one o'clock about twenty meters"),
    (["horse", 7, "--bearing", 65], "horse right two o'clock seven meters"),
    (["bench", 1, "--bearing", 0, "--priority", "critical"], "bench ahead one meter"),
    (["quantum bollard", 3, "--bearing", -30], "obstacle left eleven o'clock three meters"),
    (["-", "--kind", "vision_lost"], "i cannot see"),
    (["-", "--kind", "vision_back"], "i can see again"),
]


@pytest.fixture(scope="module")
def grammar(tmp_path_factory):
    file = tmp_path_factory.mktemp("grammar") / "cues.gram"
    file.write_text(GRAMMAR)
    return str(file)


def rendered(tmp_path, languages, arguments):
    """Both ears mixed, at the 16 kHz the recogniser's model was made for."""
    out = tmp_path / "cue.wav"
    done = subprocess.run(
        [str(SAY), "--languages", str(languages), "--lang", "en", "--no-earcon", "--out", str(out),
         *map(str, arguments)],
        capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    with wave.open(str(out)) as file:
        assert file.getframerate() == 48000 and file.getnchannels() == 2
        stereo = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    mono = stereo.mean(axis=1)
    # A windowed sinc as low-pass at 7.2 kHz, then every third sample.
    t = np.arange(-48, 49)
    low_pass = np.sinc(t * 0.3) * 0.3 * np.hamming(97)
    slow = np.convolve(mono, low_pass, "same")[::3]
    quiet = np.zeros(16000 // 4)
    sound = np.concatenate([quiet, slow, quiet])
    # The faint noise of any microphone: the logarithm of true silence disturbs the recogniser.
    sound += np.random.default_rng(0).normal(0, 4, len(sound))
    return sound.astype("<i2").tobytes(), done.stdout.strip()


def understood(sound, grammar):
    decoder = pocketsphinx.Decoder(jsgf=grammar, loglevel="FATAL", samprate=16000)
    decoder.start_utt()
    decoder.process_raw(sound, full_utt=True)
    decoder.end_utt()
    return decoder.hyp().hypstr if decoder.hyp() else ""


# The recogniser's model is American. As well as it understands espeak-ng's own files, where it takes
# the British "person" for "bus".
@pytest.mark.parametrize("voice, least", [("en-us", 12), ("en-gb", 10)])
def test_speech_is_understood(grammar, tmp_path, voice, least):
    if not SAY.exists():
        pytest.fail(f"{SAY} is not built")
    english = (ROOT / "data" / "lang" / "en.toml").read_text()
    (tmp_path / "en.toml").write_text(
        re.sub(r'^voice = ".*"', f'voice = "{voice}"', english, flags=re.MULTILINE))
    assert SENTENCES > 5000
    wrong, words, right_words = [], 0, 0
    for arguments, expected in CUES:
        sound, said = rendered(tmp_path, tmp_path, arguments)
        heard = understood(sound, grammar)
        words += len(expected.split())
        right_words += sum(a == b for a, b in zip(heard.split(), expected.split()))
        if heard != expected:
            wrong.append(f"said '{said}', understood '{heard}'")
    assert len(CUES) - len(wrong) >= least, "\n".join(wrong)
    assert right_words >= 0.85 * words, "\n".join(wrong)


def test_noise_is_not_understood(grammar):
    """The recogniser does not just answer what the grammar likes best."""
    noise = (np.random.default_rng(1).normal(0, 3000, 32000)).astype("<i2").tobytes()
    assert understood(noise, grammar) not in {expected for _, expected in CUES}
