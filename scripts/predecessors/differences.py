"""What docs/differences.md names, and what the recordings say of each request."""

import json
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parent.parent / "docs" / "differences.md"
# A row begins with its name: | `malformed-json` | …
ROW = re.compile(r"^\| `([a-z0-9-]+)` \|", re.M)


def documented():
    """The names of all differences in docs/differences.md."""
    names = ROW.findall(DOCUMENT.read_text())
    twice = {name for name in names if names.count(name) > 1}
    if not names or twice:
        raise ValueError(f"{DOCUMENT}: no rows, or a name twice: {', '.join(twice)}")
    return set(names)


def not_shown():
    """Differences that no request can show, and why."""
    return json.loads((HERE / "not-shown.json").read_text())


def recording(kind):
    """By request: what a predecessor answers, the section of the compatibility specification that says so (`compat`),
    which difference explains which part of our answer (`differs`), and our status where it differs (`ours`). The last two
    may depend on a setting of our server: `ours with MFA_THROTTLED_STATUS=401`."""
    return json.loads((HERE / f"{kind}.json").read_text())


def variants(entry):
    """Where the deployments of a predecessor answer differently, each has its own part of the entry."""
    return entry.get("variants", {"": entry})
