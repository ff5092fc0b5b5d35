"""What a recording, or a folder of results, holds: lines and pictures in order of the file."""

import json
from pathlib import Path

import av


def entries(path):
    """Yields ("line", dict) and ("picture", stream time in s, PIL image); ends where a file is cut."""
    if Path(path).is_dir():
        yield from _results(Path(path))
    else:
        yield from _recording(path)


def _recording(path):
    with av.open(str(path)) as file:
        if not file.streams.subtitles:
            raise ValueError(f"'{path}' is no recording: `lazarillo record SOURCE FILE.mkv` makes one")
        streams = [file.streams.video[0], file.streams.subtitles[0]]
        packets = file.demux(streams)
        while (packet := _next(packets)) is not None:
            if packet.stream.type == "subtitle":
                for line in bytes(packet).decode(errors="replace").splitlines():
                    try:
                        yield "line", json.loads(line)
                    except ValueError:
                        return  # cut in the middle of a line
            else:
                yield from _pictures(packet)


def _results(folder):
    events = folder / "events.jsonl"
    if not events.exists():
        raise ValueError(f"'{folder}' holds no events.jsonl: give the folder of `lazarillo run --out`")
    for line in events.read_text().split("\n")[:-1]:
        yield "line", json.loads(line)
    for video in sorted([*folder.glob("overlay*.mp4"), *folder.glob("overlay*.mkv")]):
        with av.open(str(video)) as file:
            packets = file.demux(file.streams.video[0])
            while (packet := _next(packets)) is not None:
                yield from _pictures(packet)


def _next(packets):
    try:
        return next(packets, None)
    except av.FFmpegError:
        return None


def _pictures(packet):
    try:
        for frame in packet.decode():
            if frame.time is not None:
                yield "picture", float(frame.time), frame.to_image()
    except av.FFmpegError:
        pass  # one picture is damaged; the next one may stand by itself
