#!/usr/bin/env python3
"""Findings as JSON lines in, "RULE SEVERITY" lines out: what live and replay must agree on."""
import json
import sys

for line in sys.stdin:
    finding = json.loads(line)
    print(finding["rule"], finding["severity"])
