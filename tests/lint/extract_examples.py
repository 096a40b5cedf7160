#!/usr/bin/env python3
"""Takes the ```cpp blocks out of a Markdown file, to be compiled: examples in documents cannot rot then.

Blocks with main() become programs of their own; all others together become one translation unit, in order, each seeing
those before it, behind the includes given on the command line.  #line leads compiler messages back to the document.

Usage: extract_examples.py DOCUMENT FRAGMENTS.cpp PROGRAM.cpp [INCLUDE...]
Writes a file only where its content changes.  Exit 0, 1 if the document has not both kinds, 2 usage.
"""

import re
import sys
from pathlib import Path


def blocks(text):
    """[(line of the first line of code, code)] of the fences that begin with ```cpp."""
    found = []
    for match in re.finditer(r"^```cpp\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        found.append((text.count("\n", 0, match.start(1)) + 1, match.group(1)))
    return found


def located(document, line, code):
    return f'#line {line} "{document}"\n{code}\n'


def write(path, content):
    if not path.exists() or path.read_text(encoding="utf-8") != content:
        path.write_text(content, encoding="utf-8")


def main(arguments):
    if len(arguments) < 4:
        print(__doc__, file=sys.stderr)
        return 2
    document, fragments, program = map(Path, arguments[1:4])
    found = blocks(document.read_text(encoding="utf-8"))
    programs = [block for block in found if "int main(" in block[1]]
    pieces = [block for block in found if "int main(" not in block[1]]
    if len(programs) != 1 or not pieces:
        print(f"{document}: {len(programs)} programs and {len(pieces)} fragments; there must be one and some")
        return 1
    head = "".join(f'#include "{name}"\n' for name in arguments[4:])
    head += "using namespace sluice;\nusing namespace std::chrono_literals;\n"
    write(fragments, head + "".join(located(document, *piece) for piece in pieces))
    write(program, located(document, *programs[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
