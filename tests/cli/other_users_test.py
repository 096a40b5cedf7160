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

    def log_as(self, user, group):
        return subprocess.run([self.command, "--socket", self.daemon.socket, "log", "hello"], capture_output=True,
                              timeout=daemon_test.PATIENCE_S, user=user, group=group, extra_groups=[])

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


if __name__ == "__main__":
    daemon_test.SLUICE, daemon_test.SLUICED = sys.argv[1:3]
    if os.geteuid() != 0:
        print("skipped: other users are for root only")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=1)
