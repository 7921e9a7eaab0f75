"""register: sign off a forecast as a claim, before anything is measured."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Final

from bayes_scaling.decisions.claim import (
    KIND,
    LEVELS,
    QUANTILES,
    SCHEMA_VERSION,
    Claim,
    rising,
    sealed,
)
from bayes_scaling.decisions.forecast import Forecast
from bayes_scaling.errors import UsageError
from bayes_scaling.names import GROUP, RUN, TOKENS_PER_PARAM
from bayes_scaling.quantities import TARGETS, is_number, unit_of
from bayes_scaling.runs.labels import display_name

CLAIM_QUANTILES: Final = "claim_quantiles"
"""Key of each point of a forecast's JSON: its quantiles at .01, .02, ... .99."""
EXTRAPOLATION: Final = "extrapolation"
NAMED: Final = (RUN, GROUP, TOKENS_PER_PARAM)
"""What a claimed point keeps beside the columns of numbers."""
MOST_TEXT: Final = 2000
"""Longest note, in characters."""
REMEDY: Final = (
    "write one with: bayes-scaling forecast FIT.nc --params 70B --tokens 1.4T --json > "
    "forecast.json"
)
OF_MODEL: Final = {
    "version": "model_version",
    "digest": "model_digest",
    "data_digest": "data_digest",
    "seed": "seed",
    "given": "given",
    "group": GROUP,
}
"""What a claim keeps of each model's provenance, and the key under which it is there."""


def register(
    forecast: Forecast | Mapping[str, Any],
    *,
    date: str | datetime.date,
    by: str = "",
    note: str = "",
) -> Claim:
    """Return a forecast as a claim: dated, signed off, and sealed by a hash of all it says.

    `forecast` is a `Forecast`, or the JSON object that `bayes-scaling forecast --json` prints.
    `date` is the day of the claim as its author states it, YYYY-MM-DD: no clock is read, and the
    hash only proves that the claim is unchanged, so publish it where others date it. `by` says who
    claims, `note` what else matters.

    The claim keeps, for each point, the quantiles of one new run at .01, .02, ... .99. Raises
    UsageError for what is no forecast, for other dates, and for text longer than 2,000 characters.

    Examples
    --------
    >>> claim = bs.register(bs.forecast(fit, [1e22]), date="2026-11-27", by="scaling team")
    >>> claim.date, claim.target, len(claim.points)
    ('2026-11-27', 'loss', 1)
    """
    basis = claimable(forecast) if isinstance(forecast, Forecast) else _from_json(forecast)
    faults: list[str] = []
    day = _day(date, faults)
    for name, text in (("by", by), ("note", note)):
        if not isinstance(text, str) or len(text) > MOST_TEXT:
            faults.append(f"{name}: give a text of at most {MOST_TEXT} characters")
    if faults:
        raise UsageError("\n".join(faults))
    from importlib.metadata import version

    head = {
        "kind": KIND,
        "schema_version": SCHEMA_VERSION,
        "package_version": version("bayes-scaling"),
        "date": day,
        "by": by,
        "note": note,
    }
    return sealed({**head, **basis})


def _day(date: object, faults: list[str]) -> str:
    text = str(date)
    try:
        if datetime.date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    faults.append(
        f"date '{display_name(text, 40)}': write the day of the claim as YYYY-MM-DD, such as "
        "2026-11-27"
    )
    return ""


def claimable(forecast: Forecast) -> dict[str, Any]:
    """Return what a claim holds of a forecast, as plain values."""
    points = [
        {str(k): v for k, v in row.items()} | {CLAIM_QUANTILES: q, "evidence": word}
        for row, q, word in zip(
            forecast.points.to_dict("records"),
            claim_quantiles(forecast),
            [str(e.verdict) for e in forecast.evidence] or [""] * len(forecast.points),
            strict=True,
        )
    ]
    return _content(
        target=forecast.target,
        seed=forecast.provenance.get("forecast_seed"),
        points=points,
        weights=forecast.weights,
        provenance=forecast.provenance,
        findings=[finding.to_dict() for finding in forecast.findings],
    )


def claim_quantiles(forecast: Forecast) -> list[list[float]]:
    """Return for each point the quantiles of one new run at .01, .02, ... .99."""
    return [[float(v) for v in row] for row in forecast.quantiles(LEVELS).to_numpy()]


def _from_json(found: object) -> dict[str, Any]:
    """What a claim holds of a forecast's JSON; UsageError where it is none."""
    if not isinstance(found, Mapping) or found.get("command") != "forecast":
        raise UsageError(f"this is not the JSON of a forecast; {REMEDY}")
    result = found.get("result")
    if not isinstance(result, Mapping):
        raise UsageError(f"this forecast gave no answer (status {found.get('status')!r}); {REMEDY}")
    points = result.get("points")
    if not isinstance(points, list) or not points:
        raise UsageError(f"this forecast has no points; {REMEDY}")
    if not all(isinstance(each, Mapping) and CLAIM_QUANTILES in each for each in points):
        raise UsageError(
            f"this forecast has no {CLAIM_QUANTILES}: an earlier version of the package wrote it; "
            f"{REMEDY}"
        )
    words = _verdicts(result.get("evidence"), len(points))
    faults = [
        f"{name} is missing or of another kind"
        for name in ("weights", "provenance")
        if not isinstance(result.get(name), Mapping)
    ]
    faults += ["target is none of this package"] if result.get("target") not in TARGETS else []
    for number, each in enumerate(points, start=1):
        if not rising(each[CLAIM_QUANTILES]):
            faults.append(
                f"point {number}: {CLAIM_QUANTILES} are {len(LEVELS)} finite numbers in rising "
                "order"
            )
    if faults:
        raise UsageError("\n  ".join([f"this forecast was damaged; {REMEDY}", *faults]))
    return _content(
        target=str(result["target"]),
        seed=result.get("seed"),
        points=[{**each, "evidence": w} for each, w in zip(points, words, strict=True)],
        weights=result["weights"],
        provenance=result["provenance"],
        findings=result.get("findings") or [],
    )


def _verdicts(evidence: object, count: int) -> list[str]:
    """Verdict of each point; empty texts where the forecast has none."""
    if not isinstance(evidence, list) or len(evidence) != count:
        return [""] * count
    return [str(each.get("verdict", "")) if isinstance(each, Mapping) else "" for each in evidence]


def _content(
    *,
    target: str,
    seed: object,
    points: list[dict[str, Any]],
    weights: Mapping[str, Any],
    provenance: Mapping[str, Any],
    findings: list[Any],
) -> dict[str, Any]:
    models = _models(weights, provenance)
    digests = [each["data_digest"] for each in models if each["data_digest"]]
    return {
        "target": target,
        "unit": unit_of(target),
        "seed": seed,
        "models": models,
        "data_digests": list(dict.fromkeys(digests)),
        "levels": list(LEVELS),
        "points": [
            {
                "number": number,
                **{k: v for k, v in each.items() if is_number(k) or k in NAMED},
                EXTRAPOLATION: each.get(EXTRAPOLATION),
                "evidence": each["evidence"],
                QUANTILES: each[CLAIM_QUANTILES],
            }
            for number, each in enumerate(points, start=1)
        ],
        "findings": findings,
    }


def _models(weights: Mapping[str, Any], provenance: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each model with its version, digests, seed and weight; a link last, without a weight."""
    several = provenance.get("models")
    own = several if isinstance(several, Mapping) else dict.fromkeys(weights, provenance)
    found = [_model(name, own.get(name), weight) for name, weight in weights.items()]
    if "link" in provenance:
        found.append(_model(str(provenance["link"]), provenance.get("link_provenance"), None))
    return found


def _model(name: str, provenance: object, weight: object) -> dict[str, Any]:
    kept = provenance if isinstance(provenance, Mapping) else {}
    known = {key: kept.get(theirs) for key, theirs in OF_MODEL.items()}
    needed = {key: v for key, v in known.items() if v is not None or key.endswith("digest")}
    return {"name": name, "weight": weight, **needed}
