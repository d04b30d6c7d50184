"""Runs the requests, and compares the answers."""

from . import api_keys, authentication, credentials, login, registration, rotation, routing, totp, u2f
from .answer import compare, like
from .differences import recording, variants
from .side import FLOWS, CannotGoOn

SUBJECTS = (api_keys, authentication, totp, u2f, registration, login, credentials, rotation, routing)


def run(side):
    """Sends every request. Returns which could not be sent, and why."""
    stopped = []
    side.begin()
    for subject in SUBJECTS:
        for kinds, requests in FLOWS:
            if side.kind in kinds and requests.__module__ == subject.__name__:
                try:
                    requests(side)
                except (CannotGoOn, AttributeError, KeyError, TypeError) as error:
                    stopped.append(f"{side.url.netloc}: {subject.__name__}.{requests.__name__} ended early: {error!r}")
    return stopped


class Report:
    """What the comparison with one predecessor found. `known` are the differences that have a row in the document."""

    def __init__(self, kind, known, setting=None):
        self.kind, self.known = kind, known
        self.setting = setting
        self.recorded = recording(kind)
        self.requests = self.differences = 0
        self.shown, self.complaints = set(), []

    def against_recording(self, ours):
        for request, answer in ours.items():
            if request not in self.recorded:
                self.complaints.append(f"{request}: not in the recording")
                continue
            self.requests += 1
            entry = self.recorded[request]
            expected = self.of_setting(entry, "ours", answer.status)
            if answer.status != expected:
                self.complaints.append(f"{request}: our status is {answer.status}, not {expected}")
            for variant, stated in variants(entry).items():
                named = self.of_setting(stated, "differs", {})
                found = self.add(request, variant, stated, answer.seen(), named)
                for part in named.keys() - found:
                    who = f"{self.kind} {variant}".rstrip()
                    self.complaints.append(f"{request}: {part} does not show {named[part]} against {who}")
        for request in self.recorded.keys() - ours.keys():
            self.complaints.append(f"{request}: in the recording, but not sent")

    def against_live(self, theirs, ours):
        for request in ours.keys() & theirs.keys():
            self.requests += 1
            seen = theirs[request].seen()
            variant, stated = "", None
            if request in self.recorded:
                variant, stated = likeliest(variants(self.recorded[request]), seen)
                for part, said, heard in compare(stated, seen):
                    print(f"{request}: the recording says that {part} is {said}, and the predecessor answers {heard}")
            self.add(
                request, variant, like(stated, seen), ours[request].seen(), self.of_setting(stated or {}, "differs", {})
            )

    def of_setting(self, entry, name, default):
        """A part of an entry that our server's setting may change."""
        return entry.get(f"{name} with {self.setting}", entry.get(name, default))

    def add(self, request, variant, theirs, ours, named):
        """Prints where an answer differs. Returns those parts of it."""
        found = set()
        who = f"{self.kind} {variant}".rstrip()
        for part, theirs_part, ours_part in compare(theirs, ours):
            found.add(part)
            self.differences += 1
            name = named.get(part)
            if name in self.known:
                self.shown.add(name)
            else:
                self.complaints.append(
                    f"{request}: {part} differs, and docs/differences.md does not say so. "
                    f"{who}: {theirs_part}, ours: {ours_part}"
                )
            print(f"{request}: {part}, {name or 'not documented'}\n    {who}: {theirs_part}\n    ours: {ours_part}")
        return found


def likeliest(every, seen):
    """The deployment of the predecessor that answers so: its name, and what is stated of it."""
    alike = [(name, stated) for name, stated in every.items() if stated["status"] == seen["status"]]
    return (alike or list(every.items()))[0]
