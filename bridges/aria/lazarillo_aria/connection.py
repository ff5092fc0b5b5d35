"""Keeps glasses connected, without ever blocking the thread that writes."""

import threading
import time

from .console import BridgeError
from .glasses import glasses
from .inbox import Inbox

FIRST_PICTURE_S = 20  # glasses need some seconds until they stream
ANSWER_S = 90  # for connecting and starting, longer than the SDK's own limits
CLOSE_S = 5
BACK_OFF_S = (0.5, 1, 2, 4, 8, 15)
GOOD_S = 10  # of streaming, after which the back-off begins anew
NO_ANSWER = "the Client SDK does not answer: the glasses may go on streaming, switch them off and on"


class _Link:
    """One attempt: closes what was before, waits, opens; in a thread of its own, as the SDK blocks for seconds."""

    def __init__(self, options, before=None, wait_s=0.0):
        self.inbox = Inbox()
        self.error = None
        self.glasses = None
        self.begun_ns = time.monotonic_ns() + int(wait_s * 1e9)
        self.opened_ns = None
        self._given_up = threading.Event()
        self._thread = threading.Thread(target=self._open, args=(options, before, wait_s), daemon=True)
        self._thread.start()

    def _open(self, options, before, wait_s):
        try:
            if before is not None:
                before.close()
            if self._given_up.wait(wait_s):
                return
            self.glasses = glasses(options)
            self.glasses.open(self.inbox)
            self.opened_ns = time.monotonic_ns()
        except Exception as error:  # the SDK's, too: whoever looks after the link tells it
            self.error = error

    @property
    def opening(self):
        return self._thread.is_alive()

    def close(self):
        self._given_up.set()
        self._thread.join(CLOSE_S)
        failed = []
        if not self.opening and self.glasses is not None:
            closing = threading.Thread(target=lambda: failed.extend(self.glasses.close()), daemon=True)
            closing.start()
            closing.join(CLOSE_S)
            return [NO_ANSWER] if closing.is_alive() else failed
        return [NO_ANSWER] if self.opening else failed


class Connection:
    def __init__(self, options, console):
        self._options, self._console = options, console
        self._link = _Link(options)
        self._tries = 0
        self.lost = 0

    @property
    def inbox(self):
        return self._link.inbox

    @property
    def device(self):
        return self._link.glasses.device

    def trouble(self, last_picture_ns):
        """Why no picture can be expected, None while all is well. `last_picture_ns`: the newest one's arrival."""
        link, now_ns = self._link, time.monotonic_ns()
        if link.opening:
            if now_ns - link.begun_ns > ANSWER_S * 1e9:
                raise BridgeError(NO_ANSWER)
            return None
        if link.error is not None:
            return str(link.error)
        if link.inbox.failure is not None:
            return link.inbox.failure
        came = last_picture_ns > link.opened_ns
        patience_s = self._options.stall if came else FIRST_PICTURE_S
        if now_ns - max(last_picture_ns, link.opened_ns) > patience_s * 1e9:
            return f"no picture for {patience_s:g} s"
        if came and now_ns - link.opened_ns > GOOD_S * 1e9:
            self._tries = 0
        return None

    def first_trouble(self):
        """As trouble(), before anything was handed over: an error."""
        if self._link.error is not None:
            raise BridgeError(self._link.error) from self._link.error
        reason = self.trouble(0)
        if reason is not None:
            raise BridgeError(f"the glasses send nothing ({reason}): look at the Aria app on the phone")

    def keep(self, last_picture_ns):
        """To be called again and again: connects anew, later each time, when the stream has stopped."""
        reason = self.trouble(last_picture_ns)
        if reason is None:
            return
        wait_s = BACK_OFF_S[min(self._tries, len(BACK_OFF_S) - 1)]
        self._tries += 1
        self.lost += 1
        self._console.say(f"the stream stopped ({reason}): connecting again in {wait_s:g} s")
        self._link = _Link(self._options, self._link.glasses, wait_s)

    def close(self):
        """Stops streaming. Returns what could not be done, for people."""
        return self._link.close()
