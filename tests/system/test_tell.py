"""Commands to a run that is at work: through its socket, by keys, by a headset."""

import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time

import pytest

from conftest import PROGRAM, eventually, lazarillo, read_results, still_video

EV_KEY, KEY_PLAYPAUSE, KEY_PREVIOUSSONG = 1, 164, 165


@pytest.fixture(scope="session")
def minute(tmp_path_factory):
    """A video that lasts longer than any of these tests."""
    return still_video(tmp_path_factory.mktemp("media") / "minute.mp4", seconds=120, size=(160, 120))


class Live:
    """A live run in the background, without a sound card."""

    def __init__(self, source, out, *arguments, env=None, shell=(), **keywords):
        self.out = out
        self.events_file = out / "events.jsonl"
        self.errors = out.parent / f"{out.name}.err"
        with open(self.errors, "w") as errors:
            self.process = subprocess.Popen(
                [*shell, str(PROGRAM), "run", str(source), "--realtime", "--no-video", "--lang", "en", "--out",
                 str(out), *map(str, arguments)],
                stdout=subprocess.DEVNULL, **{"stderr": errors, "stdin": subprocess.DEVNULL, **keywords},
                env={**os.environ, **(env or {})})

    def events(self):
        text = self.events_file.read_text() if self.events_file.exists() else ""
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]

    def wait_for(self, wanted, patience_s=60):
        """The first event for which wanted(event)."""
        end_s = time.monotonic() + patience_s
        while time.monotonic() < end_s:
            for event in self.events():
                if wanted(event):
                    return event
            assert self.process.poll() is None, self.errors.read_text()
            time.sleep(0.05)
        pytest.fail(f"it did not come; {self.errors.read_text()}")

    def wait_for_frames(self):
        return self.wait_for(lambda e: e["type"] == "sighting" or (e["type"] == "frame" and e["looked_at"]))

    def wait_for_answers(self, count):
        """The cues that answered the first `count` commands."""
        self.wait_for(lambda e: len(answers(self.events())) >= count)
        return answers(self.events())

    def lines(self):
        return [line for line in self.errors.read_text().splitlines() if "lazarillo: " in line]

    def end(self, code=143):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == code, self.errors.read_text()
        return read_results(self.out, lazarillo("--version"))


def answers(events):
    """(command, kind, text) of each command."""
    found = []
    for before, after in zip(events, events[1:]):
        if before["type"] == "command":
            assert after["type"] == "cue"
            found.append((before["command"], after["kind"], after["text"]))
    return found


@pytest.fixture
def live(minute, tmp_path):
    runs = []

    def start(*arguments, source=minute, **keywords):
        runs.append(Live(source, tmp_path / f"out{len(runs)}", *arguments, **keywords))
        return runs[-1]

    yield start
    for each in runs:
        if each.process.poll() is None:
            each.process.terminate()
            each.process.wait(60)


def tell(command, socket):
    return lazarillo("tell", command, "--socket", socket)


@pytest.mark.parametrize("how", [[], ["--isolate"]], ids=["one process", "isolated"])
def test_what_is_told_is_answered(live, tmp_path, how):
    socket = tmp_path / "run.sock"
    run = live("--commands", socket, *how)
    run.wait_for_frames()
    assert socket.stat().st_mode & 0o777 == 0o600
    expected = [("around", "around", "Nothing in view."), ("calm", "pace_calm", "Calm."),
                ("more", "pace_normal", "Normal."), ("mute", "muted", "Muted."),
                ("toggle-mute", "unmuted", "Unmuted."),
                ("critical-only", "pace_critical_only", "Critical only.")]
    for i, (command, _, _) in enumerate(expected):
        assert tell(command, socket).code == 0
        run.wait_for_answers(i + 1)
    refused = tell("shout", socket)
    assert refused.code == 2
    assert len(refused.error_lines) == 1 and "'shout'" in refused.err and "toggle-mute" in refused.err
    result = run.end()
    assert answers(result.events) == expected
    assert not socket.exists()
    assert result.report["cues"]["info"] == len(expected)


def test_around_tells_of_the_tracks_in_view(live, vtest, tmp_path):
    socket = tmp_path / "run.sock"
    run = live("--commands", socket, source=vtest)
    run.wait_for(lambda e: e["type"] == "frame" and len(e["tracks"]) >= 2)
    assert tell("around", socket).code == 0
    run.wait_for_answers(1)
    # Only what was heard is repeated: its earcon, and what is more urgent, come first.
    asked_ns = next(e for e in run.events() if e["type"] == "command")["stream_ns"]
    run.wait_for(lambda e: e["type"] == "frame" and e["stream_ns"] > asked_ns + 5_000_000_000)
    assert tell("repeat", socket).code == 0
    run.wait_for_answers(2)
    result = run.end()
    cue = next(c for c in result.cues if c["kind"] == "around")
    assert cue["parts"]
    frames = [f for f in result.frames if f["sequence"] <= cue["sequence"]][-5:]
    known = {t["track"]: t for f in frames for t in f["tracks"]}
    told = [i for part in cue["parts"] for i in [part["track"], *part["others"]]]
    assert len(told) == len(set(told))
    assert set(told) <= set(known)
    for part in cue["parts"]:
        assert {known[i]["label"] for i in [part["track"], *part["others"]]} == {part["label"]}
        bearing = known[part["track"]]["bearing_deg"]
        side = "left" if bearing < -12 else "right" if bearing > 12 else "ahead"
        assert part["side"] == side or abs(abs(bearing) - 12) < 3
        n = 1 + len(part["others"])
        if n > 1:
            assert f"{n} " in cue["text"]
    again = next(c for c in result.cues if c["kind"] in ("repeated", "nothing_to_repeat"))
    assert again["kind"] == "repeated"
    assert again["text"] in {c["text"] for c in result.cues if c is not again}


def test_a_guide_that_is_started_again_stays_muted(live, tmp_path):
    socket = tmp_path / "run.sock"
    run = live("--commands", socket, "--isolate")
    run.wait_for_frames()
    assert tell("mute", socket).code == 0
    run.wait_for_answers(1)
    guide = int(re.search(r"guide (\d+)", run.errors.read_text())[1])
    newest = run.events()[-1]["decision_ns"]
    os.kill(guide, signal.SIGKILL)
    run.wait_for(lambda e: e["type"] == "frame" and e["decision_ns"] > newest + 500_000_000)
    assert tell("toggle-mute", socket).code == 0
    assert run.wait_for_answers(2)[1] == ("toggle-mute", "unmuted", "Unmuted.")
    run.end()


def test_the_usual_socket_is_found(live, tmp_path):
    env = {"XDG_RUNTIME_DIR": str(tmp_path)}
    run = live(env=env)
    run.wait_for_frames()
    assert lazarillo("tell", "around", env=env).code == 0
    run.wait_for_answers(1)
    # A second run says so, and goes on without.
    second = live(env=env)
    second.wait_for_frames()
    assert len([line for line in second.lines() if "another run" in line]) == 1
    second.end()
    assert lazarillo("tell", "calm", env=env).code == 0
    run.wait_for_answers(2)
    run.end()
    assert not (tmp_path / "lazarillo.sock").exists()


def test_what_a_killed_run_left_is_replaced(live, tmp_path):
    socket = tmp_path / "run.sock"
    run = live("--commands", socket)
    run.wait_for_frames()
    run.process.kill()
    run.process.wait(30)
    assert socket.exists()
    assert "no run listens" in tell("around", socket).err
    run = live("--commands", socket)
    run.wait_for_frames()
    assert tell("around", socket).code == 0
    run.wait_for_answers(1)
    run.end()


@pytest.mark.parametrize("how", [[], ["--isolate"]], ids=["one process", "isolated"])
def test_a_socket_that_cannot_be_made_is_refused_with_one_line(minute, live, tmp_path, how):
    taken = tmp_path / "taken.sock"
    live("--commands", taken).wait_for_frames()
    (tmp_path / "file").write_text("precious")
    for path, words in [(tmp_path / ("x" * 120), "at most 107"), (tmp_path / "no" / "x", "No such file"),
                        (tmp_path / "file", "another file"), (taken, "another run")]:
        done = lazarillo("run", minute, "--realtime", "--out", tmp_path / "o", "--commands", path, *how)
        assert done.code == 2
        assert len(done.error_lines) == 1 and words in done.error_lines[0]
    assert (tmp_path / "file").read_text() == "precious"


def test_rendered_runs_take_no_commands(minute, tmp_path):
    done = lazarillo("run", minute, "--fast", "--out", tmp_path / "o", "--commands", tmp_path / "s")
    assert done.code == 2
    assert len(done.error_lines) == 1 and "--realtime" in done.error_lines[0]


def test_tell_says_what_is_wrong(tmp_path):
    done = lazarillo("tell", "around", env={"XDG_RUNTIME_DIR": ""})
    assert done.code == 2 and "--socket" in done.error_lines[0]
    done = tell("around", tmp_path / "nobody")
    assert done.code == 2 and "no run listens" in done.error_lines[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed")
def test_another_user_may_not_tell(live, tmp_path):
    os.chmod(tmp_path, 0o755)
    for folder in list(tmp_path.parents)[:-2]:
        os.chmod(folder, folder.stat().st_mode | 0o055)
    socket = tmp_path / "run.sock"
    run = live("--commands", socket)
    run.wait_for_frames()
    done = lazarillo("tell", "mute", "--socket", socket, user="nobody")
    assert done.code == 2
    assert "Permission denied" in done.error_lines[0]
    run.end()


# ---- keys


class Terminal:
    """A terminal of its own, in which a run is the foreground."""

    def __init__(self):
        self.ours, self.theirs = pty.openpty()
        self.before = self.mode()

    def mode(self):
        return termios.tcgetattr(self.theirs)

    def taken(self):
        return not self.mode()[3] & (termios.ICANON | termios.ECHO)

    def popen(self):
        def foreground():
            import fcntl
            os.setsid()
            # What a shell starts in the background ignores these, and so would all that it starts.
            for ignored in (signal.SIGINT, signal.SIGQUIT):
                signal.signal(ignored, signal.SIG_DFL)
            fcntl.ioctl(self.theirs, termios.TIOCSCTTY, 0)

        return {"stdin": self.theirs, "preexec_fn": foreground}

    def type(self, text):
        os.write(self.ours, text.encode())

    def close(self):
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def terminal():
    opened = Terminal()
    yield opened
    opened.close()


@pytest.mark.parametrize("how", [[], ["--isolate"]], ids=["one process", "isolated"])
def test_keys_are_commands_and_the_terminal_is_as_before(live, terminal, how):
    run = live("--commands", "none", *how, **terminal.popen())
    run.wait_for_frames()
    assert terminal.taken()
    terminal.type("m")
    run.wait_for_answers(1)
    # No key of ours, an arrow, Ctrl with an arrow, Alt and m; in one piece, so that nothing saves it.
    terminal.type("x\x1b[A\x1b[1;5D\x1bOA\x1bmm3 ")
    run.wait_for_answers(4)
    assert [command for command, _, _ in answers(run.events())] == [
        "toggle-mute", "toggle-mute", "dense", "around"]
    assert len([line for line in run.lines() if "keys:" in line]) == 1
    terminal.type("\x03")  # Ctrl-C
    assert run.process.wait(60) == 130
    assert terminal.mode() == terminal.before


@pytest.mark.parametrize("end, how", [(signal.SIGTERM, []), (signal.SIGQUIT, []), (signal.SIGABRT, []), ("twice", []),
                                      (signal.SIGTERM, ["--isolate"]), ("twice", ["--isolate"])])
def test_however_it_ends_the_terminal_is_as_before(live, terminal, how, end):
    run = live("--commands", "none", *how, **terminal.popen())
    run.wait_for_frames()
    assert terminal.taken()
    for _ in range(50 if end == "twice" else 1):
        run.process.send_signal(signal.SIGINT if end == "twice" else end)
    run.process.wait(60)
    assert terminal.mode() == terminal.before


def test_stopped_it_gives_the_terminal_back_and_takes_it_again(live, terminal):
    run = live("--commands", "none", **terminal.popen())
    run.wait_for_frames()
    assert eventually(terminal.taken)
    terminal.type("\x1a")  # Ctrl-Z; without a shell the kernel does not stop an orphaned group
    run.process.send_signal(signal.SIGTSTP)
    assert eventually(lambda: not terminal.taken())
    assert terminal.mode() == terminal.before
    run.process.send_signal(signal.SIGCONT)
    assert eventually(terminal.taken)
    terminal.type("2")
    run.wait_for_answers(1)
    run.end()
    assert terminal.mode() == terminal.before


def test_in_the_background_the_terminal_is_left_alone(live, terminal):
    run = live("--commands", "none", shell=["bash", "-m", "-c", '"$0" "$@" & wait $!'], **terminal.popen())
    run.wait_for_frames()
    assert not terminal.taken()
    assert terminal.mode() == terminal.before
    job = subprocess.run(["ps", "-o", "pid=", "--ppid", str(run.process.pid)], capture_output=True, text=True)
    os.kill(int(job.stdout), signal.SIGTERM)
    assert run.process.wait(60) == 143
    assert terminal.mode() == terminal.before


# ---- headset


def press(key):
    return struct.pack("llHHi", 0, 0, EV_KEY, key, 1) + struct.pack("llHHi", 0, 0, EV_KEY, key, 0)


@pytest.mark.parametrize("how", [[], ["--isolate"]], ids=["one process", "isolated"])
def test_a_headset_may_come_and_go(live, tmp_path, how):
    device = tmp_path / "event7"
    settings = tmp_path / "headset.toml"
    settings.write_text(f'[commands]\nsocket = "none"\nheadset = "{device}"\n')
    run = live("--config", settings, *how)
    run.wait_for_frames()
    assert eventually(lambda: len(run.lines()) > 0)
    os.mkfifo(device)
    plugged = os.open(device, os.O_RDWR)
    assert eventually(lambda: any("is there" in line for line in run.lines()))
    os.write(plugged, press(KEY_PLAYPAUSE))
    assert run.wait_for_answers(1)[0][0] == "around"
    os.close(plugged)
    assert eventually(lambda: any("has ended" in line for line in run.lines()))
    newest = run.events()[-1]["decision_ns"]
    # It goes on for longer than it takes to look again, and says nothing more.
    run.wait_for(lambda e: e["type"] == "frame" and e["decision_ns"] > newest + 5_000_000_000)
    said = [line for line in run.lines() if "headset" in line]
    assert [word for line in said for word in ("No such file", "is there", "has ended") if word in line] == [
        "No such file", "is there", "has ended"]
    run.end()
