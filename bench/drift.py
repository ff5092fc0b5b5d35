#!/usr/bin/env python3
"""Whether sound and picture stay together in a long recording.

    python3 bench/drift.py VIDEO [--times N] [--feed-fps N]

Joins VIDEO to itself N times, lets `lazarillo run --realtime` record it with earcons only, and finds in
audio.wav where the sound of each cue begins. A cue's earcon belongs to the picture of its stream time:
the distance between the two, at the beginning and at the end, is the drift. Prints it in milliseconds,
and how far the lengths of audio.wav and of the stream differ.
"""

import argparse
import json
import pathlib
import tempfile
import wave

import numpy as np

from common import Failed, call, median, run

RATE = 48000
SILENT_MS = 50  # before an earcon, so that its own beginning is found and not another's end


def join(video, times, target):
    """The video `times` times, as a bare H.264 stream: that may simply be written again and again."""
    once = target.with_name("once.h264")
    call(["gst-launch-1.0", "-q", "filesrc", f"location={video}", "!", "decodebin", "!", "videoconvert",
          "!", "x264enc", "speed-preset=veryfast", "!", "video/x-h264,stream-format=byte-stream", "!",
          "filesink", f"location={once}"], remedy="Debian's gstreamer1.0-tools has it")
    data = once.read_bytes()
    with open(target, "wb") as file:
        for _ in range(times):
            file.write(data)


def onsets(path, starts):
    """For each start (samples), how many samples later the sound begins; None where it is not silent
    before, or nothing comes within 200 ms."""
    found = []
    with wave.open(str(path)) as sound:
        for start in starts:
            before = RATE * SILENT_MS // 1000
            sound.setpos(max(0, start - before))
            samples = np.frombuffer(sound.readframes(before + RATE // 5), "<i2").reshape(-1, 2)
            loud = np.abs(samples.astype(int)).max(axis=1) > 164
            first = int(np.argmax(loud)) - min(start, before)
            found.append(first if loud.any() and first > 0 else None)
        return found, sound.getnframes()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("video")
    parser.add_argument("--program", default="build/lazarillo")
    parser.add_argument("--models", default="lznet-int8")
    parser.add_argument("--times", type=int, default=136, help="30 minutes of the demo's video at 60")
    parser.add_argument("--joined", action="store_true", help="VIDEO is long enough as it is")
    parser.add_argument("--feed-fps", type=float, help="frames a second (default: the file's own)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        joined = pathlib.Path(folder) / "joined.h264"
        if args.joined:
            joined = args.video
        else:
            join(args.video, args.times, joined)
        out = pathlib.Path(folder) / "out"
        call([args.program, "run", joined, "--realtime", "--no-speech", "--out", out, "--models",
              args.models, *(["--feed-fps", args.feed_fps] if args.feed_fps else [])],
             limit=7200)
        last_ns, starts = 0, []
        with open(out / "events.jsonl") as events:
            for line in events:
                event = json.loads(line)
                if event["type"] == "frame":
                    last_ns = event["stream_ns"]
                elif event["type"] == "cue":
                    starts.append(round(event["stream_ns"] * RATE / 1e9))
        delays, samples = onsets(out / "audio.wav", starts)
        heard = [(start / RATE, delay * 1000 / RATE)
                 for start, delay in zip(starts, delays) if delay is not None]
        if len(heard) < 20:
            raise Failed(f"only {len(heard)} earcons stand alone: take a longer video")
        fifth = len(heard) // 5
        early, late = median([d for _, d in heard[:fifth]]), median([d for _, d in heard[-fifth:]])
        report = json.loads((out / "report.json").read_text())
        print(f"stream     {last_ns / 1e9:.1f} s, {report['frames']} frames, {report['fps']} a second")
        print(f"earcons    {len(heard)} heard, first at {heard[0][0]:.1f} s, last at {heard[-1][0]:.1f} s")
        print(f"begin      {early:.2f} ms after their picture in the first fifth, {late:.2f} in the last")
        print(f"drift      {late - early:+.2f} ms; between any two of them at most "
              f"{max(d for _, d in heard) - min(d for _, d in heard):.2f}")
        print(f"length     audio.wav {(samples / RATE - last_ns / 1e9) * 1000:+.1f} ms against the last picture")
        print(f"dropped    {json.dumps(report['drops'])}")
    return 0


if __name__ == "__main__":
    run(main)
