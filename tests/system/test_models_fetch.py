"""`lazarillo models fetch` against a server on this machine that misbehaves."""

import hashlib
import os
import pty
import random
import re
import resource
import shutil
import signal
import subprocess
import threading
import time

import pytest
import tiny_onnx
from conftest import PROGRAM, ROOT, lazarillo
from file_server import FileServer, SecureServer

WEIGHTS = random.Random(7).randbytes(3_000_000)
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()
# Nothing of the machine's own connection.
ENVIRONMENT = {name: "" for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                                     "no_proxy", "NO_PROXY")}


@pytest.fixture
def server():
    server = FileServer({"w.pt": WEIGHTS})
    yield server
    server.close()


class Place:
    """A folder to fetch into, and an index with one entry, `w`."""

    def __init__(self, folder, server):
        self.folder = folder / "models"
        self.index = folder / "index.toml"
        self.server = server
        self.entry()

    def entry(self, more="", **keys):
        keys = {"description": "weights", "file": "w.pt", "url": f"{self.server.url}/w.pt",
                "size": len(WEIGHTS), "sha256": SHA256, "licence": "AGPL-3.0",
                "licence_url": "https://www.gnu.org/licenses/agpl-3.0.html",
                "licence_note": "Who passes it on must give the source.",
                "source": "https://example.org/w", "convert": "yolo12n --weights {file} --out {folder}", **keys}
        lines = ["[w]"]
        for key, value in keys.items():
            if value is not None:
                lines.append(f"{key} = {value}" if isinstance(value, int) else f'{key} = "{value}"')
        self.index.write_text("\n".join(lines) + "\n" + more)
        return self

    def arguments(self, *more, licence=True):
        return ["models", "fetch", "w", "--index", self.index, "--to", self.folder, "--retry-pause-ms", 0,
                *(["--accept-licence"] if licence else []), *more]

    def fetch(self, *more, licence=True, env=None, **keywords):
        # An own data folder: nothing of the user's sets.
        return lazarillo(*self.arguments(*more, licence=licence),
                         env={**ENVIRONMENT, "XDG_DATA_HOME": str(self.folder.parent / "data"), **(env or {})},
                         timeout=60, **keywords)

    def start(self, *more):
        return subprocess.Popen([str(PROGRAM), *map(str, self.arguments(*more))], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env={**os.environ, **ENVIRONMENT})

    @property
    def file(self):
        return self.folder / "w.pt"

    @property
    def part(self):
        return self.folder / "w.pt.part"

    def left(self):
        return sorted(p.name for p in self.folder.iterdir()) if self.folder.exists() else []


@pytest.fixture
def place(tmp_path, server):
    return Place(tmp_path, server)


def refused(result, code, *words):
    assert result.code == code, result.err
    line = result.err.splitlines()[-1]
    assert line.startswith("lazarillo: ")
    for word in words:
        assert word in line, line


def until(condition):
    """Waits for what another process does; not for a time to pass."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.002)


def test_a_file_arrives_and_the_conversion_is_told(place, server):
    result = place.fetch()
    assert result.code == 0, result.err
    assert place.file.read_bytes() == WEIGHTS and place.left() == ["w.pt"]
    assert SHA256 in result.out
    assert f"export.py yolo12n --weights '{place.file}' --out '{place.folder}'" in result.out
    assert "AGPL-3.0" in result.err and "Who passes it on" in result.err
    # A line every 10 %, as there is no terminal; as many as the pieces it came in allow.
    shares = [int(s) for s in re.findall(r"^ *(\d+) %", result.err, re.M)]
    assert shares == sorted(set(shares)) and shares[-1] == 100 and "\r" not in result.err

    again = place.fetch()
    assert again.code == 0 and "is here already" in again.out and len(server.requests) == 1


def test_a_cut_is_gone_on_with_from_where_it_was(place, server):
    server.scripts["/w.pt"] = [{"cut": 1_000_000}, {"cut": 500_000}]
    result = place.fetch()
    assert result.code == 0, result.err
    assert place.file.read_bytes() == WEIGHTS
    assert server.ranges("/w.pt") == [None, "bytes=1000000-", "bytes=1500000-"]
    assert server.requests[1][1]["If-Range"] == '"v1"'


def test_a_later_command_goes_on(place, server):
    server.scripts["/w.pt"] = [{"cut": 1_000_000}]
    refused(place.fetch("--retries", 0), 4, "goes on from here")
    assert place.part.stat().st_size == 1_000_000 and not place.file.exists()
    result = place.fetch()
    assert result.code == 0 and "went on from 1000000 bytes" in result.out
    assert place.file.read_bytes() == WEIGHTS and place.left() == ["w.pt"]
    assert server.ranges("/w.pt") == [None, "bytes=1000000-"]


def test_a_server_without_ranges_sends_all_again(place, server):
    server.scripts["/w.pt"] = [{"cut": 1_000_000}, {"ignore_range": True}]
    result = place.fetch()
    assert result.code == 0 and place.file.read_bytes() == WEIGHTS
    assert "went on" not in result.out


@pytest.mark.parametrize("heeds", [True, False], ids=["If-Range heeded", "If-Range ignored"])
@pytest.mark.parametrize("known", [True, False], ids=["checksum known", "checksum not known"])
def test_halves_of_two_files_are_never_joined(place, server, heeds, known):
    """The file on the server changes between two attempts."""
    new = bytes(reversed(WEIGHTS))
    keys = {} if known else {"sha256": None}
    place.entry(**{**keys, **({"sha256": hashlib.sha256(new).hexdigest()} if known else {})})
    server.scripts["/w.pt"] = [{"cut": 1_000_000}]
    trust = [] if known else ["--trust-first-use"]
    assert place.fetch("--retries", 0, *trust).code == 4
    server.files["w.pt"] = new
    server.scripts["/w.pt"] = [{"etag": '"v2"', "ignore_if_range": not heeds}, {"etag": '"v2"'}]
    result = place.fetch(*trust)
    assert result.code == 0, result.err
    assert place.file.read_bytes() == new


def test_a_part_of_unknown_origin_is_checked_as_a_whole(place, server):
    place.folder.mkdir()
    place.part.write_bytes(b"x" * 1000)
    result = place.fetch()
    assert result.code == 0, result.err
    assert place.file.read_bytes() == WEIGHTS
    assert server.ranges("/w.pt") == ["bytes=1000-", None]


def test_a_part_of_unknown_origin_is_not_used_without_a_checksum(place, server):
    place.entry(sha256=None)
    place.folder.mkdir()
    place.part.write_bytes(b"x" * 1000)
    assert place.fetch("--trust-first-use").code == 0
    assert place.file.read_bytes() == WEIGHTS and server.ranges("/w.pt") == [None]


def test_a_whole_part_needs_no_server(place, server):
    place.folder.mkdir()
    place.part.write_bytes(WEIGHTS)
    assert place.fetch().code == 0
    assert place.file.read_bytes() == WEIGHTS and server.requests == []


def test_a_wrong_checksum_removes_the_file_and_tells_both(place, server):
    server.files["w.pt"] = WEIGHTS[:-1] + b"x"
    result = place.fetch()
    refused(result, 4, SHA256, hashlib.sha256(server.files["w.pt"]).hexdigest(), "removed")
    assert place.left() == [] and len(server.requests) == 1


def test_a_wrong_length_is_refused_before_anything_is_written(place, server):
    server.files["w.pt"] = WEIGHTS + b"more"
    refused(place.fetch(), 4, "3000004", "3000000")
    assert place.left() == []


@pytest.mark.parametrize("data, words", [(WEIGHTS + b"more", "longer than 3000000 bytes"),
                                         (WEIGHTS[:-5], "2999995 of 3000000 bytes came")])
def test_a_wrong_length_that_is_not_told_is_found(place, server, data, words):
    server.files["w.pt"] = data
    server.scripts["/w.pt"] = [{"no_length": True}]
    refused(place.fetch("--retries", 0), 4, words)
    assert not place.file.exists()


def test_a_file_larger_than_allowed_is_refused(place, server):
    place.entry(size=None, at_most=2_000_000)
    refused(place.fetch(), 4, "3000000 bytes", "allows 2000000")
    assert place.left() == []


@pytest.mark.parametrize("status, words", [(404, "not there"), (403, "not give it"), (410, "not there"),
                                           (400, "answers 400"), (304, "answers 304")])
def test_what_will_not_change_is_not_asked_again(place, server, status, words):
    server.scripts["/w.pt"] = [{"status": status}] * 3
    refused(place.fetch(), 4, "/w.pt", str(status), words)
    assert len(server.requests) == 1 and place.left() == []


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_fault_of_the_server_may_pass(place, server, status):
    server.scripts["/w.pt"] = [{"status": status}, {"cut": 1_000_000}, {"status": status}]
    assert place.fetch().code == 0
    assert place.file.read_bytes() == WEIGHTS
    assert server.ranges("/w.pt") == [None, None, "bytes=1000000-", "bytes=1000000-"]


def test_retries_have_an_end(place, server):
    server.scripts["/w.pt"] = [{"status": 500}] * 9
    refused(place.fetch("--retries", 2), 4, "answers 500", "later")
    assert len(server.requests) == 3


def test_a_stalled_server_is_left(place, server):
    server.scripts["/w.pt"] = [{"stall": 100_000}]
    refused(place.fetch("--stall", 1, "--retries", 0), 4, "nothing came for 1 s")
    assert place.part.stat().st_size == 100_000
    assert place.fetch().code == 0 and place.file.read_bytes() == WEIGHTS


def test_nobody_there(place, server):
    port = server.server.server_address[1]
    server.close()
    refused(place.fetch("--retries", 1), 4, str(port), "later")
    place.entry(url="http://no-such-host.invalid/w.pt")
    refused(place.fetch(), 4, "no-such-host.invalid", "connected?")
    assert place.left() == []


def test_redirects_are_followed(place, server):
    place.entry(url=f"{server.url}/first")
    server.scripts["/first"] = [{"status": 302, "location": "/second"}, {"status": 302, "location": "/second"}]
    server.scripts["/second"] = [{"status": 307, "location": f"{server.url}/w.pt"}] * 2
    server.scripts["/w.pt"] = [{"cut": 1_000_000}]
    assert place.fetch().code == 0
    assert place.file.read_bytes() == WEIGHTS
    assert server.ranges("/w.pt") == [None, "bytes=1000000-"]


@pytest.mark.parametrize("location, words", [("/w.pt", "without an end"), ("ftp://127.0.0.1/w.pt", "not http"),
                                             ("file:///etc/passwd", "not http")])
def test_redirects_that_lead_nowhere_are_refused(place, server, location, words):
    server.scripts["/w.pt"] = [{"status": 302, "location": location}] * 50
    refused(place.fetch(), 4, words)
    assert len(server.requests) <= 10 and place.left() == []


@pytest.fixture
def secure(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not here")
    server = SecureServer(tmp_path, {"w.pt": WEIGHTS})
    yield server
    server.close()


def trusting(place, certificate, *more):
    """Runs it where this certificate is one that the system trusts: the list of those is covered by it in a
    mount namespace of the process's own."""
    script = 'mount --bind "$1" /etc/ssl/certs/ca-certificates.crt && shift && exec "$@"'
    command = ["unshare", "-m", "sh", "-c", script, "sh", str(certificate)]
    if subprocess.run([*command, "true"], capture_output=True).returncode != 0:
        pytest.skip("a list of certificates cannot be mounted here")
    return subprocess.run([*command, str(PROGRAM), *map(str, place.arguments(*more))], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, env={**os.environ, **ENVIRONMENT}, timeout=60)


def test_a_certificate_nobody_trusts_is_refused(place, secure):
    place.entry(url=f"{secure.url}/w.pt")
    refused(place.fetch(), 4, "certificate")
    assert secure.requests == [] and place.left() == []


def test_from_https_nothing_leads_to_http(place, secure, server):
    place.entry(url=f"{secure.url}/w.pt")
    assert trusting(place, secure.certificate).returncode == 0 and place.file.read_bytes() == WEIGHTS
    place.file.unlink()
    secure.scripts["/w.pt"] = [{"status": 302, "location": f"{server.url}/w.pt"}]
    done = trusting(place, secure.certificate)
    assert done.returncode == 4 and "not https" in done.stderr.splitlines()[-1]
    assert server.requests == [] and place.left() == []


def test_only_web_addresses_are_fetched(place):
    place.entry(url="file:///etc/passwd")
    refused(place.fetch(), 4, "[w]", "'url'")


def test_a_proxy_is_used(place, server):
    place.entry(url="http://models.invalid/w.pt")
    result = place.fetch(env={"http_proxy": server.url})
    assert result.code == 0, result.err
    assert place.file.read_bytes() == WEIGHTS
    assert [path for path, _ in server.requests] == ["http://models.invalid/w.pt"]
    # no_proxy leaves it out: then the name has no address.
    place.file.unlink()
    refused(place.fetch(env={"http_proxy": server.url, "no_proxy": "models.invalid"}), 4, "models.invalid")


def limit(size):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_disk_that_fills_up_is_told_and_gone_on_with(place, server):
    """A limit on the size of files is to a program what a full disk is: a write that fails."""
    refused(place.fetch(preexec_fn=limit(1_000_000)), 5, "w.pt.part", "2000000 more bytes", "goes on")
    assert place.part.stat().st_size == 1_000_000
    assert place.fetch().code == 0
    assert place.file.read_bytes() == WEIGHTS and server.ranges("/w.pt") == [None, "bytes=1000000-"]


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], capture_output=True)
    if done.returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_without_room_is_told_before(place, server, small_disk):
    place.folder = small_disk
    refused(place.fetch(), 5, "3000000 bytes are needed", "--to")
    assert server.requests == [] and place.left() == []
    place.entry(size=None, at_most=4_000_000)  # then the server's word counts
    refused(place.fetch(), 5, "3000000 bytes are needed")
    assert place.left() == []


def test_a_folder_that_cannot_be_made_is_told(place):
    place.folder.parent.joinpath("file").write_text("")
    place.folder = place.folder.parent / "file" / "models"
    refused(place.fetch(), 5, "cannot be made")


def test_the_licence_must_be_accepted(place, server):
    refused(place.fetch(licence=False), 2, "AGPL-3.0", "--accept-licence")
    assert server.requests == [] and place.left() == []


def terminal(place, keys, *more):
    """Runs it at a terminal, types `keys`; what was shown and the exit code."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([str(PROGRAM), *map(str, place.arguments(*more, licence=False))], stdin=theirs,
                               stdout=theirs, stderr=theirs, env={**os.environ, **ENVIRONMENT})
    os.close(theirs)
    os.write(ours, keys.encode())
    shown = b""
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:  # its end of the terminal is closed
        pass
    os.close(ours)
    return shown.decode(), process.wait(timeout=30)


def test_the_licence_is_asked_for_at_a_terminal(place, server):
    shown, code = terminal(place, "no\n")
    assert code == 2 and "not accepted" in shown and server.requests == []
    shown, code = terminal(place, "\n")
    assert code == 2 and server.requests == [], "an empty line is no yes"
    shown, code = terminal(place, "yes\n")
    assert code == 0 and place.file.read_bytes() == WEIGHTS
    assert "Who passes it on" in shown
    assert "█" in shown and "MB/s" in shown and "\r\x1b[K" in shown


def test_without_a_checksum_the_first_one_is_remembered(place, server):
    place.entry(sha256=None)
    refused(place.fetch(), 2, "checksum", "not known", "--trust-first-use")
    assert server.requests == []
    result = place.fetch("--trust-first-use")
    assert result.code == 0 and SHA256 in result.out and "not known to us" in result.out
    assert (place.folder / "w.pt.sha256").read_text() == f"{SHA256}  w.pt\n"
    checked = subprocess.run(["sha256sum", "-c", "w.pt.sha256"], cwd=place.folder, capture_output=True)
    assert checked.returncode == 0

    # From now on that one is expected, and nothing needs to be trusted.
    place.file.unlink()
    assert place.fetch().code == 0
    place.file.unlink()
    server.files["w.pt"] = WEIGHTS[::-1]
    refused(place.fetch("--trust-first-use"), 4, SHA256, hashlib.sha256(WEIGHTS[::-1]).hexdigest())
    assert not place.file.exists()


def test_another_file_of_that_name_is_not_overwritten(place, server):
    place.folder.mkdir()
    place.file.write_text("mine")
    refused(place.fetch(), 4, "w.pt", "--replace")
    assert place.file.read_text() == "mine" and server.requests == []
    assert place.fetch("--replace").code == 0 and place.file.read_bytes() == WEIGHTS


def halfway(server):
    """The next request stands still in the middle until the event is set."""
    how = {"began": threading.Event(), "hold": threading.Event()}
    server.scripts["/w.pt"] = [how]
    return how


def test_two_at_once(place, server):
    how = halfway(server)
    first = place.start()
    assert how["began"].wait(30)
    refused(place.fetch(), 5, "w.pt.part", "another lazarillo")
    how["hold"].set()
    out, err = first.communicate(timeout=30)
    assert first.returncode == 0, err
    assert place.file.read_bytes() == WEIGHTS and len(server.requests) == 1 and place.left() == ["w.pt"]


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_one_that_is_ended_is_gone_on_with(place, server, end):
    how = halfway(server)
    process = place.start()
    assert how["began"].wait(30)
    until(lambda: place.part.stat().st_size == len(WEIGHTS) // 2)
    process.send_signal(end)
    out, err = process.communicate(timeout=30)
    how["hold"].set()
    if end == signal.SIGKILL:
        assert process.returncode == -end
    else:
        assert process.returncode == 128 + end
        assert "stopped; 1500000 bytes" in err.splitlines()[-1]
    assert place.part.stat().st_size == len(WEIGHTS) // 2 and not place.file.exists()
    assert place.fetch().code == 0
    assert place.file.read_bytes() == WEIGHTS
    assert server.ranges("/w.pt") == [None, "bytes=1500000-"]


def network(place, server, path, table):
    """The entry becomes a network."""
    data = path.read_bytes()
    server.files["n.onnx"] = data
    place.entry(file="n.onnx", url=f"{server.url}/n.onnx", size=len(data), licence="MIT", licence_note=None,
                sha256=hashlib.sha256(data).hexdigest(), convert=None, more=table)


DETECTOR = ('[w.detector]\ninput = { width = 32, height = 32 }\nlabels = ["a", "b"]\n'
            'contract = "ultralytics"\n')
DEPTH = '[w.depth]\ninput = { width = 28, height = 28 }\ncontract = "metric"\n'


def test_a_network_becomes_a_set(place, server, tmp_path):
    network(place, server, tiny_onnx.ultralytics(tmp_path / "n.onnx"), DETECTOR)
    result = place.fetch()
    assert result.code == 0, result.err
    assert place.left() == ["n.onnx", "w.toml"]
    shown = lazarillo("models", "show", place.folder / "w.toml")
    assert "licence: MIT" in shown.out and hashlib.sha256(server.files["n.onnx"]).hexdigest() in shown.out
    assert "good" in lazarillo("models", "verify", place.folder / "w.toml").out
    again = place.fetch()
    assert again.code == 0 and "is here already" in again.out and len(server.requests) == 1


@pytest.mark.parametrize("made, table, code, words", [
    ({"score": float("nan")}, DETECTOR, 7, "not finite"),
    ({"score": 7.5}, DETECTOR, 7, "score of 7.5"),
    ({"classes": 3}, DETECTOR, 4, "1x6xN"),
    ({"size": 64}, DETECTOR, 4, "1x3x64x64"),
    ({}, DETECTOR.replace("contract", "contrakt"), 4, "contrakt")])
def test_a_network_that_does_not_fit_its_entry_makes_no_set(place, server, tmp_path, made, table, code, words):
    network(place, server, tiny_onnx.ultralytics(tmp_path / "n.onnx", **made), table)
    refused(place.fetch(), code, words)
    assert [name for name in place.left() if name != "n.onnx"] == []


def test_a_depth_network_makes_a_set_with_a_detector(place, server, tmp_path):
    network(place, server, tiny_onnx.depth(tmp_path / "n.onnx"), DEPTH)
    result = place.fetch()
    assert result.code == 0 and "--with SET" in result.out and place.left() == ["n.onnx"]
    detector = tiny_onnx.ultralytics(tmp_path / "d.onnx")
    done = lazarillo("models", "import", detector, "--to", place.folder, "--labels", "a,b", "--licence", "BSD")
    assert done.code == 0, done.err
    env = {"LAZARILLO_MODELS": str(place.folder)}
    refused(place.fetch("--with", "lznet", env=env), 2, "--with lznet", "[detector]")
    result = place.fetch("--with", "d", env=env)
    assert result.code == 0, result.err
    shown = lazarillo("models", "show", "d-w", env=env)
    assert "licence: BSD; MIT" in shown.out and "28 x 28" in shown.out and "32 x 32" in shown.out
    assert "good" in lazarillo("models", "verify", "d-w", env=env).out


def test_the_shipped_index_is_in_order():
    listed = lazarillo("models", "fetch")
    assert listed.code == 0 and listed.out == lazarillo("models", "fetch", "--list").out
    for name in "yolo12n", "yolo12s", "yolo11n", "depth-anything-v2-small", "dfine-small":
        assert re.search(rf"^{name} ", listed.out, re.M)
    assert "checksum not known" in listed.out
    assert "index" not in lazarillo("models", "list").out
    refused(lazarillo("models", "fetch", "yolo12"), 4, "'yolo12n'")


@pytest.mark.parametrize("keys, more, words", [
    ({"sha256": "12"}, "", "64 hexadecimal"), ({"size": 0}, "", "'size'"), ({"licence": None}, "", "'licence'"),
    ({"size": None}, "", "'at_most'"), ({"file": "../w.pt"}, "", "'file'"), ({"convert": None}, "", "'convert'"),
    ({"shas256": "12"}, "", "'sha256'"), ({}, DETECTOR, "'convert'"), ({}, "[x\n", "line"),
    ({"convert": None}, DETECTOR + 'file = "x"\n', "'file'")])
def test_a_wrong_index_is_told(place, keys, more, words):
    place.entry(more, **keys)
    refused(place.fetch(), 4, "index.toml", words)


def test_the_commands_are_documented():
    usage = (ROOT / "docs" / "usage.md").read_text() + (ROOT / "docs" / "models.md").read_text()
    page = (ROOT / "docs" / "lazarillo.1").read_text().replace("\\-", "-")
    for command in "fetch", "import":
        options = set(re.findall(r"--[a-z-]+", lazarillo("models", command, "--help").out)) - {"--help"}
        assert len(options) > 8
        for option in options:
            assert option in usage, option
            assert option in page, option
