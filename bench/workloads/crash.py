"""Null pointer read in C code below Python frames."""
import ctypes


def read_name(address):
    return ctypes.string_at(address)


def handle(request):
    return read_name(request["address"])


handle({"address": 0})
