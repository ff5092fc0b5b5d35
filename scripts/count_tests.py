"""Adds up JUnit results: prints "passed failed skipped"."""

import sys
import xml.etree.ElementTree as ET

passed = failed = skipped = 0
for name in sys.argv[1:]:
    try:
        cases = list(ET.parse(name).iter("testcase"))
    except (OSError, ET.ParseError):
        failed += 1
        continue
    for case in cases:
        if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
            failed += 1
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            skipped += 1
            print(f"skipped: {case.get('name')}", file=sys.stderr)
        else:
            passed += 1
print(passed, failed, skipped)
