"""claim: a forecast that was signed off before the measurement, sealed by a hash."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bayes_scaling.errors import ClaimError, UsageError
from bayes_scaling.files import to_json, write_text
from bayes_scaling.quantities import TARGETS
from bayes_scaling.runs.labels import display_name

if TYPE_CHECKING:
    from bayes_scaling.decisions.claim_score import ClaimScore

SCHEMA_VERSION: Final = 1
KIND: Final = "bayes-scaling claim"
HASH: Final = "sha256"
QUANTILES: Final = "quantiles"
LEVELS: Final = tuple(k / 100 for k in range(1, 100))
"""Levels of the quantiles of one new run that a claim keeps of each point."""
MAX_BYTES: Final = 50_000_000
HOW: Final = "register a forecast first: bayes-scaling register forecast.json -o claim.json --date"


@dataclass(frozen=True)
class Claim:
    """What was claimed of runs that had not been measured, and the hash of all of it.

    `content` holds everything the hash covers, as plain JSON values: kind, schema_version,
    package_version, date (as stated), by, note; target and unit of what was forecast; seed; models
    (name, version, digest, data_digest, seed, weight, and what they took as given);
    data_digests; levels; points, each with its number (from 1), its resources, its multiple of the
    largest fitted run, the verdict of the evidence and the quantiles of one new run at those
    levels; and findings. `sha256` is that of its canonical JSON: keys sorted, no spaces, ASCII,
    every number as the shortest decimal of its double.

    Examples
    --------
    >>> claim = bs.register(bs.forecast(fit, [1e22]), date="2026-11-27")
    >>> claim.verify()
    >>> claim.point(0)["flops"], len(claim.points), sorted(claim.to_dict())[-1]
    (1e+22, 1, 'unit')
    >>> claim.target, claim.date
    ('loss', '2026-11-27')
    """

    content: Mapping[str, Any]
    sha256: str

    @property
    def date(self) -> str:
        """Date of the claim as its author stated it, YYYY-MM-DD."""
        return str(self.content["date"])

    @property
    def target(self) -> str:
        """What was forecast: loss, accuracy, error or normalized_loss."""
        return str(self.content["target"])

    @property
    def points(self) -> list[Mapping[str, Any]]:
        """The claimed points in their order."""
        return list(self.content["points"])

    def point(self, index: int) -> Mapping[str, Any]:
        """Return a point by its index, from 0; raises UsageError where there is none."""
        if isinstance(index, bool) or not isinstance(index, int):
            raise UsageError(f"point {index!r}: give the index of a point, a whole number from 0")
        if not 0 <= index < len(self.points):
            count = len(self.points)
            raise UsageError(f"point {index}: the claim has {count}, with indices 0 to {count - 1}")
        return self.points[index]

    def to_dict(self) -> dict[str, Any]:
        """Return the claim as it is written: its content and the hash."""
        return {**self.content, HASH: self.sha256}

    def save(self, path: str | Path) -> Path:
        """Write the claim as JSON, complete or not at all, and return its path.

        Raises OutputError where the file cannot be written.

        Examples
        --------
        >>> bs.register(bs.forecast(fit, [1e22]), date="2026-11-27").save("claim.json").name
        'claim.json'
        """
        return write_text(path, f"{to_json(self.to_dict())}\n")

    def score(self, observed: float, point: int = 0) -> ClaimScore:
        """Score what was measured at a point (index from 0) against what was claimed of it.

        `observed` in the unit of the claim. Raises UsageError for values that cannot be and for
        points that are not in the claim, ClaimError where the claim is not what its hash says.

        Examples
        --------
        >>> claim = bs.register(bs.forecast(fit, [1e22]), date="2026-11-27")
        >>> claim.score(9.9).inside[0.9]
        False
        """
        from bayes_scaling.decisions.claim_score import score_of

        self.verify()
        return score_of(self, observed, point)

    def verify(self) -> None:
        """Raise ClaimError where the content is not that of the hash."""
        found = digest_of(self.content)
        if found != self.sha256:
            raise ClaimError(
                f"the claim was changed after it was registered: the hash of its content is "
                f"{found[:12]}..., the one it carries {display_name(self.sha256, 15)}. Score the "
                "file that was registered"
            )


def digest_of(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the canonical JSON of a claim's content; see `Claim`."""
    try:
        plain = _canonical(content)
    except (OverflowError, RecursionError):
        raise UsageError("a claim holds no numbers above 1e308 and no deep nesting") from None
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _canonical(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(each) for each in value]
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    return float(value)


def sealed(content: Mapping[str, Any]) -> Claim:
    """Return the claim of a content, as it will be read back, with its hash.

    Raises UsageError for text that no file can hold.
    """
    try:
        text = to_json(dict(content))
        text.encode("utf-8")
    except RecursionError:
        raise UsageError("the forecast is nested too deep") from None
    except UnicodeEncodeError:
        raise UsageError("the claim holds text that is no valid Unicode; look at --by, --note and "
                         "the names of runs and groups") from None  # fmt: skip
    plain = json.loads(text)
    return Claim(plain, digest_of(plain))


def read_claim(path: str | Path) -> Claim:
    """Read what `Claim.save` wrote, and verify its hash.

    Raises UsageError where the path is no claim, ClaimError where it was changed after it was
    registered.

    Examples
    --------
    >>> claim = bs.register(bs.forecast(fit, [1e22]), date="2026-11-27")
    >>> bs.read_claim(claim.save("claim.json")).sha256 == claim.sha256
    True
    """
    found = read_json(path, f"a claim; {HOW} 2026-11-27")
    if not isinstance(found, dict) or found.get("kind") != KIND or not isinstance(
        found.get(HASH), str
    ):  # fmt: skip
        raise UsageError(f"{path} is not a claim; {HOW} 2026-11-27")
    claim = Claim({key: value for key, value in found.items() if key != HASH}, found[HASH])
    claim.verify()
    if claim.content.get("schema_version") != SCHEMA_VERSION:
        version = display_name(claim.content.get("schema_version"), 20)
        raise UsageError(
            f"{path} is a claim of schema version {version}; this package reads {SCHEMA_VERSION}: "
            "use the version of the package that wrote it"
        )
    if not _well_formed(claim.content):
        raise UsageError(f"{path} lacks what a claim says; {HOW} 2026-11-27")
    return claim


def _well_formed(content: Mapping[str, Any]) -> bool:
    """Whether the content, whole by its hash, is also what `register` writes."""
    texts = all(isinstance(content.get(name), str) for name in ("date", "by", "note"))
    points = content.get("points")
    return (
        texts
        and content.get("target") in TARGETS
        and content.get("levels") == list(LEVELS)
        and isinstance(content.get("models"), list)
        and isinstance(points, list)
        and bool(points)
        and all(
            isinstance(each, dict)
            and each.get("number") == number
            and isinstance(each.get("evidence"), str)
            and rising(each.get(QUANTILES))
            for number, each in enumerate(points, start=1)
        )
    )


def rising(values: object) -> bool:
    """Return whether values are quantiles at all levels of a claim: finite, in rising order."""
    if not isinstance(values, list) or len(values) != len(LEVELS):
        return False
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        return False
    return all(map(math.isfinite, values)) and all(a <= b for a, b in pairwise(values))


def read_json(path: str | Path, what: str) -> Any:
    """Return the value of a JSON file; UsageError naming `what` it should be, and the remedy."""
    try:
        size = Path(path).stat().st_size
        if size > MAX_BYTES:
            raise UsageError(f"{path}: {size} bytes; such a file has at most {MAX_BYTES}")
        return json.loads(
            Path(path).read_text(encoding="utf-8"),
            object_pairs_hook=_without_twins,
            parse_constant=_refused,
            parse_float=_finite,
        )
    except OSError as fault:
        raise UsageError(f"cannot read {path}: {fault.strerror or fault}") from None
    except UsageError:
        raise
    except (ValueError, RecursionError) as fault:
        raise UsageError(f"{path} is not JSON ({fault}) and so not {what}") from None


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """One object; a key that is there twice would show one value and mean another."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twin = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key {display_name(twin, 40)!r} is there twice")
    return found


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refused(display_name(text, 20))


def _refused(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")
