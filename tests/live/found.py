#!/usr/bin/env python3
"""Findings as JSON lines in; whether they are about whom they should be, see identity.sh.

found.py miner SEVERITY    the pod's container was found at that severity, verified and with its labels
found.py stranger RULE     somebody whom nobody vouches for was found by that rule
found.py all VICTIM        every finding is one of those two's, and none is about the victim
"""
import json
import sys

findings = [json.loads(line) for line in sys.stdin]
what, which = sys.argv[1:]


def is_miners(container):
    return container["id"] == "miner" and container["verified"] and container["labels"].get("user") == "alice"


def is_strangers(container):
    return container["id"].startswith("connection:") and not container["verified"]


if what == "miner":
    found = any(is_miners(one["container"]) and one["severity"] == which for one in findings)
elif what == "stranger":
    found = any(is_strangers(one["container"]) and one["rule"] == which for one in findings)
else:
    found = bool(findings)
    claims = 0
    for one in findings:
        container = one["container"]
        claims += one["rule"] == "identity_claim"
        if container["id"] == which or not (is_miners(container) or is_strangers(container)):
            print("about nobody who did that:", one["rule"], container, file=sys.stderr)
            found = False
    if claims != 1:
        print(f"{claims} findings about claims, one expected", file=sys.stderr)
        found = False
    for one in findings:
        print(one["rule"], one["severity"], one["container"]["id"])
sys.exit(0 if found else 1)
