#!/usr/bin/env python3
"""Logs numbered lines, cut anywhere into pieces, until it is told to stop.

usage: chatter.py TARGET STOP_FILE COUNT_FILE
  TARGET        "-": plain lines to standard output; else the path of a syslog stream socket: lines and counted frames by turns
  STOP_FILE     ends the last line once this file is there
  COUNT_FILE    gets the number of lines then; the error, if writing failed
"""
import os
import random
import socket
import sys
import time


def frame(number, is_syslog):
    if not is_syslog:
        return b"line %d\n" % number
    message = b"<14>talker: line %d" % number
    return b"%d %s" % (len(message), message) if number % 3 == 0 else message + b"\n"


def main():
    target, stop_file, count_file = sys.argv[1:]
    dice = random.Random(7)
    connection = None
    if target != "-":
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(target)
    write = connection.send if connection else lambda piece: os.write(1, piece)
    number = 0
    held = b""
    outcome = None
    try:
        while not os.path.exists(stop_file):
            while len(held) < 200:
                number += 1
                held += frame(number, connection is not None)
            held = held[write(held[: dice.randint(1, 200)]) :]
            time.sleep(0.005)  # The load, up to 20 kB/s; nobody waits for it.
        while held:
            held = held[write(held) :]
        outcome = str(number)
    except OSError as error:
        outcome = f"line {number}: {error}"
    with open(count_file + ".new", "w", encoding="utf-8") as file:
        file.write(outcome + "\n")
    os.rename(count_file + ".new", count_file)


main()
