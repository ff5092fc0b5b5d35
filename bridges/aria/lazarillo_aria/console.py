"""What this program says, apart from what the SDKs say.

They write to standard output and standard error as they like, from C++, too. Here the one carries the
hello line and the other one line for each thing a person should know, so the SDKs' share goes elsewhere.
"""

import contextlib
import os
import sys

SOURCE_ERROR = 3  # as of every command of Lazarillo: docs/usage.md


class BridgeError(Exception):
    """One line for people: what is wrong, and what to do. Ends the program."""

    def __init__(self, message, code=SOURCE_ERROR):
        super().__init__(message)
        self.code = code


class Console:
    def __init__(self, sdk_log=None):
        """Takes over descriptors 1 and 2; what the SDKs write there goes into the file `sdk_log`, or nowhere."""
        # Not inherited by what the SDKs start: adb's server stays, and would hold the caller's pipes open.
        self._out = os.fdopen(os.dup(1), "w")
        self._err = os.fdopen(os.dup(2), "w", buffering=1)
        try:
            self._sink = os.open(sdk_log or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise BridgeError(f"cannot write '{sdk_log}': {error.strerror}", code=5) from error
        os.dup2(self._sink, 1)
        os.dup2(self._sink, 2)
        sys.stdout = open(os.devnull if sdk_log is None else sdk_log, "a")
        sys.stderr = self._err  # tracebacks of our own

    def say(self, message):
        self._err.write("lazarillo-aria: " + " ".join(str(message).split()) + "\n")

    def hand_over(self, text):
        """Writes to the real standard output."""
        try:
            self._out.write(text + "\n")
            self._out.flush()
        except OSError as error:
            raise BridgeError(f"cannot write to standard output: {error.strerror}", code=5) from error

    @contextlib.contextmanager
    def what_the_sdk_says(self):
        """Inside, a list that holds what C++ wrote to standard error as one string, once it is left."""
        said = []
        memory = os.memfd_create("sdk", os.MFD_CLOEXEC)
        os.dup2(memory, 2)
        try:
            yield said
        finally:
            os.dup2(self._sink, 2)
            os.lseek(memory, 0, os.SEEK_SET)
            with os.fdopen(memory, "rb") as file:
                text = file.read()
            os.write(self._sink, text)
            said.append(text.decode(errors="replace"))
