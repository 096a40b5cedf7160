#!/usr/bin/env python3
"""The command as other users run it: who may connect to a daemon.

Usage: other_users_test.py SLUICE SLUICED
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import daemon_test


class OtherUsers(unittest.TestCase):
    """Who may connect: what the socket's mode and the lists of the configuration say, to real users."""

    NOBODY, GROUP = 65534, 59_999
    CONFIG = """
store: {{directory: {0}/store}}
listen: {{socket: {0}/sluice.sock, mode: '{mode}', group: '{group}', allowed_users: [{users}], allowed_groups: [{groups}]}}
"""

    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        os.chmod(self.scratch.name, 0o711)
        self.temporary = Path(self.scratch.name) / "tmp"
        self.temporary.mkdir()
        self.temporary.chmod(0o1777)
        self.daemon = daemon_test.Daemon(self.scratch.name)
        self.command = Path(self.scratch.name) / "sluice"  # The build may be where others cannot look.
        shutil.copy(daemon_test.SLUICE, self.command)

    def tearDown(self):
        self.daemon.kill()
        self.scratch.cleanup()

    def start(self, mode, group="", users="", groups=""):
        config = Path(self.scratch.name) / "sluiced.yaml"
        config.write_text(self.CONFIG.format(self.scratch.name, mode=mode, group=group, users=users, groups=groups))
        self.daemon.start("--config", str(config))

    def log_as(self, user, group, more=()):
        return self.run_as(user, group, more, "log", "hello")

    def run_as(self, user, group, more, *arguments, **options):
        return subprocess.run([self.command, "--socket", self.daemon.socket, *arguments], capture_output=True,
                              timeout=daemon_test.PATIENCE_S, user=user, group=group, extra_groups=list(more),
                              env=os.environ | {"TMPDIR": str(self.temporary)}, **options)

    def refused(self, result, reason):
        self.assertEqual((result.returncode != 0, reason in result.stderr), (True, True), result.stderr)

    def test_a_private_daemon_is_for_its_own_user(self):
        self.daemon.start()
        self.refused(self.log_as(self.NOBODY, self.NOBODY), b"Permission denied")

    def test_the_mode_and_group_of_the_socket_decide(self):
        self.start("0660", group=str(self.GROUP))
        self.refused(self.log_as(self.NOBODY, self.NOBODY), b"Permission denied")
        self.assertEqual(self.log_as(self.NOBODY, self.GROUP).returncode, 0)
        record = json.loads(self.daemon.command("tail", "--output", "json").stdout)
        self.assertEqual((record["_uid"], record["_gid"]), (self.NOBODY, self.GROUP))

    def test_allowed_groups_and_users_are_let_in_and_others_told(self):
        self.start("0666", users="1", groups=str(self.GROUP))
        refused = self.log_as(self.NOBODY, self.NOBODY)
        self.refused(refused, b"uid 65534 may not connect; see listen.allowed_users")
        self.assertEqual(refused.returncode, 3)
        self.assertEqual(self.log_as(self.NOBODY, self.GROUP).returncode, 0)
        self.assertEqual(self.log_as(1, 1).returncode, 0)
        self.assertEqual(self.log_as(self.NOBODY, self.NOBODY, [2, self.GROUP]).returncode, 0)

    def test_a_grant_to_a_group_is_for_supplementary_groups_too(self):
        files = Path(self.scratch.name) / "files"
        files.mkdir()
        self.CONFIG += f"roots: [{{{{name: files, path: {files}, rights: [{{{{group: {self.GROUP}, allow: [read, write, create]}}}}]}}}}]\n"
        self.start("0666")
        for more, size in (([], 1), ([], 9 << 20), ([2, self.GROUP], 1), ([2, self.GROUP], 9 << 20)):
            data = b"a" * size
            put = self.run_as(self.NOBODY, self.NOBODY, more, "put", "files:a", input=data)
            self.assertEqual(put.returncode, 0 if more else 3, put.stderr)
            got = self.run_as(self.NOBODY, self.NOBODY, more, "get", "files:a")
            self.assertEqual((got.returncode, got.stdout), (0, data) if more else (3, b""))


if __name__ == "__main__":
    daemon_test.SLUICE, daemon_test.SLUICED = sys.argv[1:3]
    if os.geteuid() != 0:
        print("skipped: other users are for root only")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=1)
