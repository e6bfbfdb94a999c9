"""A web application that crashes when it is asked to."""

import ctypes
import os
import time

if os.environ.get("ENABLE_IN_APPLICATION"):
    import inquest

    inquest.enable(os.environ["LOG"])


def checkout(basket):
    import inquest

    inquest.cause_segfault()


def application(environ, start_response):
    if environ["PATH_INFO"] == "/crash":
        checkout(basket=["socks", "hat"])
    if environ["PATH_INFO"] == "/abort":
        ctypes.CDLL(None).abort()
    if environ["PATH_INFO"] == "/sleep":
        time.sleep(60)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"alive %d" % os.getpid()]
