"""The command line."""

import argparse
import os
import signal
import sys

from .console import BridgeError, Console
from .outlet import Stopped

STREAMS_HELP = ("names, or kinds (rgb, slam, imu), with commas between them; without it every camera that looks at "
                "the world and every IMU")
EPILOG = """\
Standard output carries one line of JSON that says where the rings are (docs/ring.md, "Bridges"); what people
should know goes to standard error, a line for each thing.
Exit codes: 0 done; 2 wrong command line; 3 the recording or the glasses cannot be used, or it ended before it should
have; 5 something cannot be written; 130, 143 stopped by Ctrl-C, by SIGTERM."""


def _names(text):
    return [name for name in text.split(",") if name]


def _parser():
    parser = argparse.ArgumentParser(
        "lazarillo-aria", description="Hands the pictures, motion and calibration of Aria glasses to Lazarillo.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name, summary, description):
        made = commands.add_parser(name, help=summary, description=description, epilog=EPILOG,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
        made.add_argument("--sdk-log", metavar="FILE", help="where to add what Meta's SDKs print (default: nowhere)")
        return made

    def handing(made):
        made.add_argument("--streams", type=_names, default=[], metavar="NAMES", help=STREAMS_HELP)
        made.add_argument("--wait", type=float, default=30.0, metavar="S",
                          help="how long to wait for a reader of the ring 'frames' (default 30 seconds)")
        made.add_argument("--no-wait", action="store_true", help="write whether anybody reads or not")

    replay = command("replay", "play a recording",
                     "Plays a recording (.vrs) of Aria glasses, generation 1 or 2, at the pace of its own clock.")
    replay.add_argument("file", metavar="FILE.vrs")
    replay.add_argument("--fast", action="store_true",
                        help="as fast as it is read: waits for the readers, so that they lose nothing")
    handing(replay)

    live = command("live", "hand over what glasses stream",
                   "Connects to glasses, starts streaming and hands over what comes, until it is stopped. When the "
                   "stream\nstops it connects again, after 0.5 to 15 seconds.")
    live.add_argument("--pair", action="store_true",
                      help="only ask the glasses to accept this computer; the phone's Aria app asks back")
    live.add_argument("--generation", type=int, choices=(1, 2), default=2, help="of the glasses (default 2)")
    live.add_argument("--interface", choices=("usb", "wifi"), default="usb", help="how they stream (default usb)")
    live.add_argument("--ip", metavar="ADDRESS", help="of the glasses, to connect to them by Wi-Fi")
    live.add_argument("--serial", metavar="NUMBER", help="of the glasses, where several are attached")
    live.add_argument("--profile", metavar="NAME",
                      help="what to stream and how fast (default: profile18 for generation 1, profile9 for 2)")
    live.add_argument("--port", type=int, default=6768, help="generation 2: where the glasses send to (default 6768)")
    live.add_argument("--stall", type=float, default=3.0, metavar="S",
                      help="without a picture for so long the stream counts as stopped (default 3 seconds)")
    live.add_argument("--settle", type=float, default=1.5, metavar="S",
                      help="after the first picture, how long to wait for the other cameras' (default 1.5 seconds)")
    handing(live)

    show = command("list", "say what is in a recording", "Says which streams are in a recording.")
    show.add_argument("file", metavar="FILE.vrs")
    show.add_argument("--json", action="store_true", help="for programs")
    return parser


class _Stop:
    """Set by a signal; the second one ends the program at once."""

    def __init__(self):
        self.signal = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def _note(self, number, _):
        if self.signal is not None:
            os._exit(128 + number)
        self.signal = number

    def __call__(self):
        return self.signal is not None


def _run(options, console, stopping):
    if options.command == "list":
        from .listing import show
        show(options, console)
    elif options.command == "replay":
        from .replay import replay
        replay(options, console, stopping)
    else:
        from .live import live
        live(options, console, stopping)


def main(arguments=None):
    options = _parser().parse_args(arguments)
    stopping = _Stop()
    try:
        console = Console(options.sdk_log)
    except BridgeError as error:
        print(f"lazarillo-aria: {error}", file=sys.stderr)
        return error.code
    code = 0
    try:
        _run(options, console, stopping)
    except Stopped:
        code = 128 + stopping.signal
    except BridgeError as error:
        console.say(error)
        code = error.code
    sys.stderr.flush()
    if options.command == "live":
        os._exit(code)  # the SDK's threads do not all end by themselves
    return code
