#!/usr/bin/env python3
"""Servers under load that log over syslog, and a load generator, against a private sluiced.

Usage: servers_test.py PROGRAMS [CLASS...]     PROGRAMS: the folder of sluiced, or the word journald
"""

import collections
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True

import peer
from programs import ProgramTest, run

ROOT = Path(__file__).resolve().parent.parent.parent


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server(ProgramTest):
    """A program that runs beside the daemon."""

    def start_server(self, *command):
        with open(self.scratch / "server.log", "wb") as log:
            self.server = subprocess.Popen(peer.isolated(command), stdout=log, stderr=log)
        self.addCleanup(self.stop_server)
        deadline = time.monotonic() + peer.PATIENCE_S
        while not self.listens():
            if self.server.poll() is not None or time.monotonic() > deadline:
                self.fail((self.scratch / "server.log").read_text())
            time.sleep(0.02)

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop_server(self):
        if self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
            try:
                self.server.wait(peer.PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=peer.PATIENCE_S)
        connection.request("GET", path)
        body = connection.getresponse().read().decode()
        connection.close()
        return body


class Nginx(Server):
    """Its access and its error log while wrk asks."""

    NEEDS = ("nginx", "wrk")
    CONNECTIONS, SECONDS = 40, 3
    CONFIGURATION = """
daemon off;
worker_processes 2;
pid {scratch}/nginx.pid;
error_log syslog:server=unix:{syslog},facility=local6,tag=errors error;
events {{ worker_connections 256; }}
http {{
    log_format numbered '$pid $connection $connection_requests $request_id $status "$request"';
    access_log off;
    client_body_temp_path {scratch}; proxy_temp_path {scratch}; fastcgi_temp_path {scratch};
    uwsgi_temp_path {scratch}; scgi_temp_path {scratch};
    server {{
        listen 127.0.0.1:{port};
        root {scratch}/www;
        location = /count {{ stub_status; }}
        location / {{ access_log syslog:server=unix:{syslog},facility=local5,severity=notice,tag=access,nohostname numbered; }}
    }}
}}
"""
    # Each third request finds no file.  Nginx drops a record when the socket is full: with pauses it never is.
    SCRIPT = """
local number = 0
request = function() number = number + 1; return wrk.format("GET", number % 3 == 0 and "/missing" or "/") end
delay = function() return 5 end
"""

    def setUp(self):
        super().setUp()
        self.port = free_port()
        (self.scratch / "www").mkdir()
        (self.scratch / "www" / "index.html").write_text("hello\n")
        (self.scratch / "wrk.lua").write_text(self.SCRIPT)
        for path in (self.daemon.directory, self.scratch, self.scratch / "www"):  # The workers are another user.
            path.chmod(0o711)
        (self.scratch / "www" / "index.html").chmod(0o644)
        configuration = self.scratch / "nginx.conf"
        configuration.write_text(
            self.CONFIGURATION.format(scratch=self.scratch, port=self.port, syslog=self.socket("syslog"))
        )
        self.start_server(peer.need("nginx"), "-c", configuration, "-e", self.scratch / "early.log")

    def test_every_request_is_a_record(self):
        address = f"http://127.0.0.1:{self.port}/"
        done = self.run_program("wrk", "-t", "1", "-c", str(self.CONNECTIONS), "-d", f"{self.SECONDS}s", "-s",
                                self.scratch / "wrk.lua", address)
        reported = int(re.search(r"(\d+) requests in", done.stdout.decode()).group(1))
        # Its third line: accepted, handled, requests; this one counts, too.
        counted = int(self.get("/count").splitlines()[2].split()[2]) - 1
        self.stop_server()
        access, errors = self.split(self.all_records(counted))
        print(f"nginx: wrk reports {reported} requests, nginx counts {counted}; {len(access)} access records, "
              f"{len(errors)} error records", flush=True)  # fmt: skip
        self.assertGreater(reported, 1000)
        self.assertEqual(len(access), counted)
        self.assertTrue(reported <= counted <= reported + self.CONNECTIONS, (reported, counted))
        self.check_access(access)
        if self.daemon.name == "journald":
            self.skipTest("journald does not read a host name, which nginx writes")
        self.check_errors(errors, sum(' 404 "GET /missing' in record["message"] for record in access))

    def all_records(self, requests):
        deadline = time.monotonic() + peer.PATIENCE_S
        while len(self.daemon.records()) < requests and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(0.5)
        return self.daemon.records()

    def split(self, records):
        of = lambda stream: [record for record in records if record.get("stream") == stream]
        return of("access"), of("errors")

    def check_access(self, access):
        numbers, ids = collections.defaultdict(list), set()
        for record in access:
            pid, connection, number, request, status = record["message"].split()[:5]
            self.assertIn(status, ("200", "404"))
            self.assert_has(record, severity="notice", syslog_facility="21", _pid=int(pid), _transport="syslog")
            self.assertIn("syslog_timestamp", record)
            numbers[pid, connection].append(int(number))
            ids.add(request)
        self.assertEqual(len(ids), len(access))
        for of in numbers.values():  # In the order of the worker, and none is missing.
            self.assertEqual(of, list(range(1, len(of) + 1)))
        self.assert_known(access, "nginx", "/nginx")

    def check_errors(self, errors, missing):
        self.assertEqual(len(errors), missing)
        for record in errors:
            self.assert_has(record, severity="err", syslog_facility="22", hostname=os.uname().nodename)
            self.assertIn("/missing", record["message"])
        self.assert_known(errors, "nginx", "/nginx")


class Haproxy(Server):
    """Its logs in its three forms of syslog."""

    NEEDS = ("haproxy",)
    REQUESTS = 300
    CONFIGURATION = """
global
    log {syslog} len 4096 format rfc5424 local0 info
    log {syslog} len 4096 format rfc3164 local1 info
    log {syslog} len 4096 format local local2 info
    log-tag proxy
    nbthread 1
defaults
    mode http
    log global
    timeout connect 5s
    timeout client 5s
    timeout server 5s
    log-format "number=%rt status=%ST bytes=%B request=%r"
    log-format-sd '[requests@32473 number="%rt" backend="%b"]'
frontend web
    bind 127.0.0.1:{port}
    http-request return status 200 content-type text/plain string "hello" if {{ path /hello }}
    http-request deny
"""

    def test_every_request_in_each_form(self):
        self.port = free_port()
        configuration = self.scratch / "haproxy.cfg"
        configuration.write_text(self.CONFIGURATION.format(port=self.port, syslog=self.socket("syslog")))
        self.start_server(peer.need("haproxy"), "-db", "-q", "-f", configuration)
        for number in range(self.REQUESTS):
            self.get("/hello" if number % 2 == 0 else "/other")
        self.daemon.wait_for(lambda entries: sum(b"request=GET" in e.get("MESSAGE", b"") for e in entries) >=
                             3 * self.REQUESTS, "the records of all requests")  # fmt: skip
        requests = [record for record in self.daemon.records() if "request=GET" in record["message"]]
        for facility, form in (("16", "rfc5424"), ("17", "rfc3164"), ("18", "local")):
            if form != "local" and self.daemon.name == "journald":
                continue  # It reads neither RFC 5424 nor a host name.
            these = [record for record in requests if record["syslog_facility"] == facility]
            numbers = [int(re.search(r"number=(\d+)", record["message"]).group(1)) for record in these]
            self.assertEqual(len(these), self.REQUESTS)
            self.assertEqual(numbers, list(range(numbers[0], numbers[0] + self.REQUESTS)))
            self.check(these, numbers, form)

    def check(self, records, numbers, form):
        self.assert_known(records, "haproxy", "/haproxy")
        for index, (record, number) in enumerate(zip(records, numbers)):
            status = 200 if index % 2 == 0 else 403
            self.assertRegex(record["message"], rf"number={number} status={status} ")
            self.assert_has(record, stream="proxy", severity="info", syslog_pid=str(self.server.pid))
            self.assert_trusted(record, "syslog", self.server.pid, comm="haproxy")
            self.assertNotIn("parse_error", record)
            self.assertEqual(record.get("hostname"), "localhost" if form == "rfc3164" else None, record)
            if form == "rfc5424":
                self.assert_has(record, **{"requests@32473.number": str(number), "requests@32473.backend": "web"})
            else:
                self.assertIn("syslog_timestamp", record)


class Loggen(ProgramTest):
    """The load generator of syslog-ng, whose messages are numbered."""

    CONNECTIONS, MESSAGES = 4, 15_000

    def loggen(self, kind, *arguments):
        script = ROOT / "scripts" / "peers"
        done = subprocess.run([script, "syslog-ng-core"], capture_output=True, timeout=120)
        if done.returncode != 0:
            self.skipTest(f"loggen of the package syslog-ng-core: {done.stderr.decode().strip()}")
        folder = done.stdout.decode().strip()
        environment = {**os.environ, "SYSLOGNG_PREFIX": f"{folder}/usr", "LD_LIBRARY_PATH": os.pathsep.join(
            f"{folder}/{place}" for place in ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib/syslog-ng"))}  # fmt: skip
        command = [f"{folder}/usr/bin/loggen", "--unix", *arguments, "--size", "205", "--rate", "1000000", "--number",
                   str(self.MESSAGES), "--active-connections", str(self.CONNECTIONS), self.socket(kind)]  # fmt: skip
        done = subprocess.run(command, env=environment, capture_output=True, timeout=peer.PATIENCE_S)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout.decode() + done.stderr.decode()

    def check(self, kind, *arguments):
        said = self.loggen(kind, *arguments)
        sent = int(re.search(r"average rate.*count=(\d+)", said).group(1))
        self.assertEqual(sent, self.CONNECTIONS * self.MESSAGES)
        deadline = time.monotonic() + peer.PATIENCE_S
        while len(self.daemon.records()) < sent and time.monotonic() < deadline:
            time.sleep(0.3)
        records = self.daemon.records()
        numbers = collections.defaultdict(list)
        for record in records:
            # "seq: 0000000000, thread: 0000, runid: ..."
            found = re.search(r"seq: (\d+), thread: (\d+)", record["message"])
            self.assertTrue(found, record)
            numbers[found.group(2)].append(int(found.group(1)))
        print(f"loggen {kind}: {sent} sent, {len(records)} stored", flush=True)
        self.assertEqual(len(records), sent)
        self.assertEqual(len(numbers), self.CONNECTIONS)
        for of in numbers.values():
            self.assertEqual(of, list(range(len(of))))
        return records

    def test_datagrams(self):
        records = self.check("syslog", "--dgram")
        self.assert_trusted(records[0], "syslog")

    def test_a_stream(self):
        records = self.check("syslog-stream", "--stream")
        self.assert_has(records[0], severity="info", syslog_facility="4")

    def test_rfc5424_with_octet_counts_on_a_stream(self):
        self.check("syslog-stream", "--stream", "--syslog-proto")


if __name__ == "__main__":
    run(sys.modules[__name__], __doc__)
