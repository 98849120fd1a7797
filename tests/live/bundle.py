#!/usr/bin/env python3
"""Prints the OCI configuration of a container that runs the given command in the bundle's root file system."""
import json
import sys

CAPABILITIES = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"]


def tmpfs(destination):
    return {"destination": destination, "type": "tmpfs", "source": "tmpfs"}


json.dump({
    "ociVersion": "1.0.0",
    "hostname": "live",
    "root": {"path": "rootfs", "readonly": False},
    "process": {
        "terminal": False,
        "user": {"uid": 0, "gid": 0},
        "args": sys.argv[1:],
        "cwd": "/root",
        "env": ["PATH=/bin", "HOME=/root"],
        "capabilities": {kind: CAPABILITIES for kind in ("bounding", "effective", "permitted")},
    },
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["ro"]},
        tmpfs("/dev"),
        tmpfs("/tmp"),
    ],
    "linux": {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]},
}, sys.stdout, indent=1)
