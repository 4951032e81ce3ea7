"""Knows when something may have changed in moto, so that its followers need not read everything all the time."""

import threading
import time

from moto.core.responses import BaseResponse

READING = ("Describe", "Get", "List")
LONGEST = 5  # seconds; moto's own reset page is no call

moto_call_action = BaseResponse.call_action
lock = threading.Lock()
calls = 0


def install():
    """Count, from now on, the calls that may have changed something."""
    BaseResponse.call_action = call_action


def call_action(self):
    try:
        return moto_call_action(self)
    finally:
        # Counted when it is done: who counts first and reads then has either seen it or sees another number next time.
        if not self._get_action().startswith(READING):
            global calls
            with lock:
                calls += 1


class Remembered:
    """What `read` returned; read again after a call that may have changed it, and every few seconds."""

    def __init__(self, read):
        self.read = read
        self.calls = None
        self.until = 0.0
        self.value = None

    def get(self):
        if calls != self.calls or time.monotonic() > self.until:
            seen = calls
            self.value = self.read()
            self.calls, self.until = seen, time.monotonic() + LONGEST
        return self.value
