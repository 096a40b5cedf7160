#!/usr/bin/env python3
"""sluice-generate: the same bytes for the same seed, and facts that hold.

Usage: generate_test.py SLUICE-GENERATE
"""

import collections
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

# Of 2,000 records from seed 7.  A change here makes earlier figures incomparable: say so in docs/benchmarks.md.
GOLDEN = "90180bd3acc0f4a2d069794ffb305f3bcee3e75513e59a89c48860db7ed979cd"


def generate(*arguments):
    return subprocess.run([GENERATE, *arguments], stdout=subprocess.PIPE, check=True).stdout


class Generate(unittest.TestCase):
    def test_the_same_seed_gives_the_same_bytes_for_ever(self):
        arguments = ("--records", "2000", "--seed", "7")
        first = generate(*arguments)
        self.assertEqual(hashlib.sha256(first).hexdigest(), GOLDEN)
        self.assertEqual(generate(*arguments), first)
        self.assertNotEqual(generate("--records", "2000", "--seed", "8"), first)

    def test_facts_are_what_the_records_say(self):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "facts"
            lines = generate("--records", "40000", "--facts", str(path)).splitlines()
            facts = json.loads(path.read_text())
        records = [json.loads(line) for line in lines]
        count = lambda test: sum(1 for record in records if test(record))
        top = lambda name: collections.Counter(r[name] for r in records if name in r).most_common(10)
        self.assertEqual(len(records), 40000)
        self.assertEqual(facts["records"], 40000)
        self.assertEqual(facts["errors"], count(lambda r: r["level"] == "error"))
        self.assertEqual(facts["trace_rows"], count(lambda r: r.get("trace_id") == facts["trace_id"]))
        self.assertEqual(facts["trace_rows"], 8)
        self.assertEqual(count(lambda r: r.get("trace_id") == facts["absent_trace_id"]), 0)
        self.assertEqual(facts["phrase_rows"], count(lambda r: facts["phrase"] in r["msg"]))
        self.assertEqual(facts["phrase_rows"], 1)
        self.assertEqual(count(lambda r: facts["absent_phrase"] in r["msg"] or facts["absent_word"] in r["msg"]), 0)
        for word in facts["absent_phrase"].split():
            self.assertGreater(count(lambda r: re.search(rf"\b{word}\b", r["msg"])), 0, word)
        start, end = facts["window"]
        self.assertEqual(facts["window_rows"], count(lambda r: start <= r["time"] < end))
        start, end = facts["hour"]
        combined = facts["combined"]
        self.assertEqual(
            facts["combined_rows"],
            count(
                lambda r: start <= r["time"] < end
                and r["level"] == "error"
                and r["service"] == combined["service"]
                and combined["phrase"] in r["msg"]
            ),
        )
        self.assertGreater(facts["combined_rows"], 0)
        self.assertEqual(facts["regex_rows"], count(lambda r: re.search(facts["regex"], r["msg"])))
        self.assertGreater(facts["regex_rows"], 0)
        self.assertEqual([n for _, n in facts["services"]], [n for _, n in top("service")])
        self.assertEqual([n for _, n in facts["client_ips"]], [n for _, n in top("client_ip")])
        times = [record["time"] for record in records]
        self.assertEqual(times, sorted(times))
        self.assertEqual(facts["newest"], times[-1])
        self.assertEqual({time[:10] for time in times}, {"2026-03-01"})

    def test_the_journal_has_the_same_records(self):
        lines = generate("--records", "500").splitlines()
        entries = generate("--records", "500", "--format", "journal").decode().strip().split("\n\n")
        self.assertEqual(len(entries), 500)
        for line, entry in zip(lines, entries):
            fields = dict(field.split("=", 1) for field in entry.splitlines())
            self.assertEqual(fields["MESSAGE"], json.loads(line)["msg"])


if __name__ == "__main__":
    GENERATE = sys.argv[1]
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=1)
