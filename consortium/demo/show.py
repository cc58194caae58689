"""What the demo prints: progress while it runs, the published benchmark, where to sign in."""

from __future__ import annotations

import sys
import time
import unicodedata
from pathlib import Path
from typing import TextIO

from django.urls import reverse

from anonymize.template import TOTAL, series_key
from consortium.demo import founding, people
from consortium.demo.cycle import Timings
from consortium.demo.programme import MAIN
from sharing.benchmarks.peer_groups import ALL
from sharing.models import Release, ReleaseCell, Round
from sharing.states import ReleaseState, RoundState, SubmissionState

INDICATOR = "DPD30_RATE"
WIDTH = 24


class Progress:
    """One line a round; on a terminal also a bar that fills while banks submit."""

    def __init__(self, rounds: int, output: TextIO = sys.stdout) -> None:
        self._rounds = rounds
        self._done = 0
        self._output = output
        self._started = time.monotonic()

    def say(self, sentence: str) -> None:
        self._clear()
        self._output.write(f"{self._elapsed()} {sentence}\n")
        self._output.flush()

    def tell(self, round: Round, step: str, share: float) -> None:
        """Draw the bar anew; nothing where the output is no terminal."""
        if not self._output.isatty():
            return
        filled = int(WIDTH * (self._done + share) / self._rounds)
        bar = "█" * min(filled, WIDTH) + "·" * (WIDTH - filled)
        self._output.write(f"\r\033[K{self._elapsed()} {bar} {round.public_id} {step}")
        self._output.flush()

    def finished(self, round: Round, timings: Timings) -> None:
        self._done += 1
        release = Release.objects.filter(round=round).order_by("-revision").first()
        accepted = round.submissions.filter(state=SubmissionState.ACCEPTED).count()
        submitted = round.submissions.filter(is_trial=False).count()
        words = [f"{round.public_id:<19}", f"{submitted:>3} submitted", f"{accepted:>3} accepted"]
        if release is not None and release.cells:
            words.append(f"{release.cells - release.withheld:,} of {release.cells:,} cells publishable")
            words.append("audit passed" if release.audit_passed else "audit FAILED")
        if seconds := timings.seconds.get(RoundState.COMPUTING):
            words.append(f"computed in {seconds:.1f} s")
        self.say("  ".join([*words, str(RoundState(round.state).label).lower()]))

    def _elapsed(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        return f"{minutes:02}:{seconds:02}"

    def _clear(self) -> None:
        if self._output.isatty():
            self._output.write("\r\033[K")


def benchmark() -> str:
    """The newest published release of the main collection as a small table: 30+ days past due by product, in percent of balance."""
    published = Release.objects.filter(state=ReleaseState.PUBLISHED, round__collection__code=MAIN)
    release = published.select_related("round").order_by("-round__period").first()
    if release is None:
        return "Nothing is published yet."
    template = release.round.collection.template
    cells = {
        cell.key: cell for cell in ReleaseCell.objects.filter(release=release, indicator=INDICATOR, peer_group=ALL)
    }
    rest = [TOTAL for _ in template.cut(template.indicator(INDICATOR))[1:]]
    title = (
        f"{template.indicator(INDICATOR).names['en']} · {release.round.period} · {release.contributors} contributors"
    )
    lines = [
        f"{title} · audited; where fewer than the rules ask for contribute, cells are withheld",
        _row("Product", ["pooled", "median", "P25", "P75", "contributors"]),
    ]
    for code in template.dimension("PRODUCT").code_list.codes:
        cell = cells.get(series_key([code.id, *rest]))
        lines.append(_row(f"{'' if code.id == TOTAL else '  '}{code.names['en']}", _figures(cell)))
    return "\n".join(lines)


def where_to_look(url: str, members: Path) -> str:
    """The pages that are worth a first look, and a bank whose statements only its own command opens."""
    newest = Release.objects.filter(state=ReleaseState.PUBLISHED, round__collection__code=MAIN)
    release = newest.order_by("-round__period").first()
    if release is None:
        return ""
    draft = Release.objects.filter(state=ReleaseState.IN_REVIEW).order_by("pk").first()
    waiting = Release.objects.filter(state=ReleaseState.SCHEDULED).order_by("pk").first()
    places = [
        ("Is it us, or everybody?", "risk", reverse("benchmarks")),
        ("Board report (PDF)", "risk", reverse("board-report", args=[release.public_id])),
        ("Warnings that the wave has raised", "risk", reverse("alerts")),
        *([("A draft to review, with comments", "bela", _page(draft))] if draft else []),
        *([("Approved, under embargo", "bela", _page(waiting))] if waiting else []),
    ]
    lines = [f"  {what:<36} {who:<5} {url}{address}" for what, who, address in places]
    directory, concord = members / founding.OWN_KEY, Path(sys.executable).with_name("concord")
    commands = [
        f"  cd {directory}",
        f"  {concord} statement get {release.public_id} -o statement.jose",
        f"  {concord} statement open statement.jose",
    ]
    name = founding.collection().contributors.get(code=founding.OWN_KEY).name
    return "\n".join(
        ["Where to look, and as whom:", *lines, f"{name} takes its statements with its own key:", *commands]
    )


def _page(release: Release) -> str:
    return reverse("release", args=[release.public_id])


def sign_ins(url: str, secret: str) -> str:
    """The portal's address and one person for every role."""
    institution = founding.collection().contributors.order_by("code").get(code=founding.FOUR_EYES)
    rows = [(str(post.roles[0].label), people.address_at_association(post)) for post in people.ASSOCIATION]
    rows += [
        (f"{label} at {institution.name}", people.address_at(institution, post))
        for label, post in (
            ("Member administrator", people.ADMINISTRATOR),
            ("Submitter", people.SUBMITTER),
            ("Analyst", people.ANALYST),
            ("Approver", people.APPROVER),
        )
    ]
    listed = "\n".join(f"  {label:<38} {address}" for label, address in rows)
    return f"Portal: {url}   Password of everybody: {secret}\n{listed}"


def _figures(cell: ReleaseCell | None) -> list[str]:
    if cell is None:
        return ["not collected"]
    if cell.withheld:
        return ["withheld"]
    rates = [cell.pooled, cell.median, cell.p25, cell.p75]
    return [*("–" if rate is None else f"{rate:.2%}" for rate in rates), str(cell.contributors)]


def _row(label: str, values: list[str]) -> str:
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in label)
    return f"{label:<{34 - wide}}" + "".join(f"{value:>13}" for value in values)
