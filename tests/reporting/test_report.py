"""The page: every number comes from the JSON, nothing runs, nothing is fetched."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayes_scaling as bs
from bayes_scaling.decisions.allocation import allocate
from bayes_scaling.decisions.cost import Cost
from bayes_scaling.decisions.forecast import forecast
from bayes_scaling.errors import OutputError, UsageError
from bayes_scaling.inference.fit import Fit
from bayes_scaling.reporting.report import Report, report
from bayes_scaling.reporting.wording import (
    say_flop,
    say_given,
    say_loss,
    say_number,
    say_regret,
    say_share,
    say_size,
    say_times,
    say_usd,
)

BUDGETS = (1e22, 1e23)
MEBIBYTE = 2**20
CONTENT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
    "base-uri 'none'; script-src 'sha256-"
)


class Page(HTMLParser):
    """Elements, attributes and visible text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.headings: list[str] = []
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)
        if re.fullmatch("h[1-3]", tag):
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if {"style", "script"} & set(self._open):
            return
        self.words.append(data)
        if self._open and re.fullmatch("h[1-3]", self._open[-1]):
            self.headings[-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for each in value.values():
            yield from leaves(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from leaves(each)
    else:
        yield value


def test_lead_sentence_says_the_numbers_of_the_json(page: Report) -> None:
    html = Page(page.page)
    stored = json.loads(json.dumps(page.numbers))
    for i, point in enumerate(stored["forecast"]):
        q, plan = point["loss_new"], stored["allocation"][i]
        sentence = (
            f"At {say_given(point['flops'], 'flops')}: loss {say_loss(q['q50'])}, 90% between "
            f"{say_loss(q['q05'])} and {say_loss(q['q95'])}."
        )
        assert sentence in html.headings
        optimum = plan["optimum"]["params"]
        assert (
            f"Plan {say_size(plan['plan']['params'])} parameters on "
            f"{say_size(plan['plan']['tokens'])} tokens (90% of the optimum between "
            f"{say_size(optimum['q05'])} and {say_size(optimum['q95'])} parameters), about "
            f"{say_usd(plan['usd'])} at 2.5 USD per GPU-hour, 9.9e14 FLOP/s peak, "
            "40% utilisation." in html.text
        )


def test_first_heading_is_the_answer(page: Report) -> None:
    assert Page(page.page).headings[0].startswith("At 1e22 FLOP: loss ")


def test_numbers_are_those_of_forecast_and_allocation(page: Report, fit: Fit) -> None:
    losses = forecast(fit, BUDGETS).quantiles([0.05, 0.1, 0.5, 0.9, 0.95])
    found = [list(point["loss_new"].values()) for point in page.numbers["forecast"]]
    assert_allclose(found, losses.to_numpy(), rtol=1e-12)
    allocation = allocate(fit, BUDGETS)
    plans = [each["plan"]["params"] for each in page.numbers["allocation"]]
    assert_allclose(plans, allocation.robust["params"], rtol=1e-12)
    prices = [point["usd"] for point in page.numbers["forecast"]]
    assert_allclose(prices, Cost().usd(np.array(BUDGETS)))


def test_held_out_runs_are_scored(page: Report, fit: Fit) -> None:
    scored = page.numbers["held_out"]
    frame = fit.runs.held_out
    table = forecast(fit, frame[["params", "tokens"]]).quantiles([0.05, 0.95])
    inside = (table[0.05] <= frame["loss"]) & (frame["loss"] <= table[0.95])
    assert scored["count"] == 3
    assert scored["inside"][-1] == inside.sum()
    sentence = f"Of 3 held-out runs, {inside.sum()} lie inside their 90% interval"
    assert sentence in Page(page.page).text
    ratios = [row["extrapolation"] for row in scored["rows"]]
    assert ratios == sorted(ratios)


def test_page_is_small_and_fetches_nothing(page: Report) -> None:
    assert len(page.page.encode()) < 4 * MEBIBYTE
    assert CONTENT_POLICY in page.page.replace("&#39;", "'")
    without_names = re.sub(r'xmlns(:\w+)?="[^"]*"', "", page.page)
    assert "http" not in without_names.replace("http-equiv", "")
    for tag, attributes in Page(page.page).tags:
        assert tag not in ("link", "iframe", "object", "embed", "base")
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href"):
                assert str(value).startswith(("#", "data:image/png;base64,"))


def test_the_one_script_is_the_one_that_the_policy_names(page: Report) -> None:
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page.page, re.DOTALL)
    (data, numbers), (bare, code) = scripts
    assert data == ' type="application/json" id="what_if_draws"' and bare == ""
    assert set(leaves(json.loads(numbers))) and not re.search("[<&]", numbers)
    digest = b64encode(hashlib.sha256(code.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page.page.replace("&#39;", "'")
    assert not re.search(r"\beval\b|\bFunction\b|innerHTML|fetch|XMLHttp|import", code)


def cells(html: str) -> Iterator[str]:
    """Text of every cell of numbers in the tables of a page."""
    for cell in re.findall(r'<td class="num">(.*?)</td>', html, re.DOTALL):
        yield unescape(re.sub("<[^>]+>", " ", cell))


def said(numbers: Any) -> set[str]:
    """Every way in which the page says a number of the JSON."""
    found = set()
    ways = (say_loss, say_regret, say_size, say_flop, say_usd, say_times, say_share, say_number)
    for leaf in leaves(numbers):
        if isinstance(leaf, str):
            found |= set(leaf.split())
        if isinstance(leaf, bool) or not isinstance(leaf, int | float):
            continue
        found |= {way(leaf) for way in ways}
        found |= {say_share(leaf, digits) for digits in (2, 3)}
        found |= {say_size(leaf, 3), say_number(leaf, 3)}
        found |= {f"{leaf:.{digits}f}" for digits in (0, 2, 3)}
        found.add(f"{leaf:+.2f}%")
    return {each for words in found for each in re.split(r"[ ,]+", words)}


def check_cells(html: str, numbers: Any) -> None:
    """Cells hold nothing but numbers of the JSON in one of the page's ways to say them."""
    words = {"to", "FLOP", "derived", "beyond", "±", "unknown", "under", "0.01%"}
    known = said(numbers) | words
    tokens = {t for cell in cells(html) for t in re.split(r"[ ,\s]+", cell) if t}
    assert len(tokens) > 100
    assert tokens <= known, sorted(tokens - known)[:20]


def test_every_number_in_a_table_is_one_of_the_json(
    reviewed: Report, far_page: Report, page: Report
) -> None:
    for made in (reviewed, far_page, page):
        check_cells(made.page, made.numbers)


SECTIONS = (
    "decision", "forecast", "backtest", "allocation", "regret", "cost", "weights", "checks", "next",
    "provenance",
)  # fmt: skip


def test_sections_are_there_in_their_order(page: Report, reviewed: Report) -> None:
    for made in (page, reviewed):
        ids = [attributes.get("id") for _, attributes in Page(made.page).tags]
        places = [ids.index(name) for name in SECTIONS]
        assert places == sorted(places)


def test_without_a_review_the_page_says_how_to_get_one(page: Report) -> None:
    assert "This table was not backtested for this page" in Page(page.page).text
    assert page.numbers["review"]["backtest"] is None and page.numbers["review"]["weights"] is None


def test_a_review_is_on_the_page(reviewed: Report) -> None:
    text = Page(reviewed.page).text
    found = reviewed.numbers["review"]
    assert found["weights"]["sentence"] in text and found["next"]["verdict"] in text
    for row in found["backtest"]["rows"]:
        assert row["ratio_bin"] in text
    assert not found["gaps"]


def test_every_picture_has_words_for_those_who_do_not_see_it(page: Report) -> None:
    tags = Page(page.page).tags
    pictures = [a for _, a in tags if a.get("role") == "img"]
    assert len(pictures) == len(page.figures) == sum(tag == "svg" for tag, _ in tags)
    assert all(len(str(a["aria-label"])) > 15 for a in pictures)


def test_ids_are_unique(page: Report) -> None:
    ids = [a["id"] for _, a in Page(page.page).tags if "id" in a]
    assert len(ids) == len(set(ids)) > 0
    known = {f"#{each}" for each in ids}
    assert all(a["xlink:href"] in known for t, a in Page(page.page).tags if t == "use")


def test_equal_arguments_give_equal_bytes(fit: Fit, page: Report) -> None:
    again = report(fit, BUDGETS, command="bayes-scaling report runs.csv --flops 1e22")
    assert again.page == page.page
    assert again.numbers == page.numbers


def test_numbers_are_strict_json(page: Report, tmp_path: Path) -> None:
    _, numbers, _ = page.save(tmp_path / "report.html")

    def refuse(name: str) -> None:
        raise AssertionError(name)

    stored = json.loads(numbers.read_text(), parse_constant=refuse)
    assert stored["forecast"] == page.numbers["forecast"]
    assert all(isinstance(v, str | int | float | bool | None) for v in leaves(stored))


def test_save_writes_three_files(page: Report, tmp_path: Path) -> None:
    paths = page.save(tmp_path / "new" / "my.report.html")
    assert [p.name for p in paths] == ["my.report.html", "my.report.json", "my.report.csv"]
    assert paths[0].read_text(encoding="utf-8") == page.page
    rows = list(csv.DictReader(io.StringIO(paths[2].read_text(encoding="utf-8"))))
    answers = {row["answer"] for row in rows}
    assert answers == {"forecast", "optimum", "plan", "held out"}
    median = next(
        r for r in rows if r["quantity"] == "loss_new" and r["level"] == "0.5" and not r["run"]
    )
    assert float(median["value"]) == page.numbers["forecast"][0]["loss_new"]["q50"]


@pytest.mark.parametrize("name", ["x.json", "x.csv", "x.CSV"])
def test_save_refuses_names_of_its_other_files(page: Report, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="name it like"):
        page.save(tmp_path / name)


def test_save_says_where_it_cannot_write(page: Report, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        page.save(tmp_path / "file" / "report.html")


def test_one_resource_law_has_no_split(one_resource_fit: Fit) -> None:
    made = report(one_resource_fit, [1e12])
    html = Page(made.page)
    assert html.headings[0].startswith("At 1T tokens: loss ")
    assert made.numbers["allocation"] == []
    assert "cannot say how a budget is best split" in html.text
    assert {"isoflop", "allocation"}.isdisjoint(made.figures)
    assert "residuals_D" in made.figures


def test_table_without_a_split_says_so_first_and_goes_on(ray_fit: Fit) -> None:
    made = report(ray_fit, [1e23])
    html = Page(made.page)
    assert made.numbers["status"] == "fail"
    assert html.text.index("This table cannot say how to split") < html.text.index("At 1e23 FLOP")
    assert "along the table’s own 19.9 tokens per parameter" in html.text
    point = made.numbers["forecast"][0]
    assert 6 * point["params"] * point["tokens"] == pytest.approx(1e23)
    assert point["tokens"] / point["params"] == pytest.approx(19.9, rel=0.01)


@pytest.fixture(scope="module")
def reviewed() -> Report:
    """A sampled fit of the shipped example, backtested and compared with one other law."""
    runs = bs.read_runs(bs.example_path()).select(train_dataset="rpj")
    made = bs.fit(bs.load_model("chinchilla-plain"), runs, draws=300)
    found = bs.review(made, others=[bs.load_model("skaling-plain")], draws=300)
    return report(made, [1e22], review=found)


@pytest.fixture(scope="module")
def far_page(fit: Fit) -> Report:
    return report(fit, [1e26], intervals=(0.5, 0.95), cost=Cost(3.0, 1e15, 0.5))


def test_beyond_the_horizon_is_said_first(far_page: Report) -> None:
    text = Page(far_page.page).text
    assert far_page.numbers["status"] == "fail"
    assert text.index("beyond the largest fitted run") < text.index("At 1e26 FLOP: loss")


def test_a_good_page_does_not_begin_with_a_failure(page: Report) -> None:
    assert page.numbers["status"] in ("ok", "warn")
    assert "Read this first" not in page.page


def test_other_intervals_and_prices(far_page: Report) -> None:
    q = far_page.numbers["forecast"][0]["loss_new"]
    assert set(q) == {"q025", "q25", "q50", "q75", "q975"}
    text = Page(far_page.page).text
    assert f"95% between {say_loss(q['q025'])} and {say_loss(q['q975'])}" in text
    assert "at 3 USD per GPU-hour, 1e15 FLOP/s peak, 50% utilisation" in text


def test_an_uncertain_price_is_said(fit: Fit) -> None:
    price = bs.Prior("LogNormal", {"q05": 1.5, "q95": 4.0})
    made = report(fit, [1e22], cost=Cost(usd_per_gpu_hour=price))
    text = Page(made.page).text
    assert made.numbers["cost_words"] in text and "[1.5, 4] USD per GPU-hour" in text
    assert made.numbers["what_if"] is None


@pytest.mark.parametrize("intervals", [(), (0.0,), (0.9, 1.0), (90,)])
def test_impossible_intervals_are_refused(fit: Fit, intervals: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="intervals"):
        report(fit, [1e23], intervals=intervals)


def test_impossible_budgets_are_refused(fit: Fit) -> None:
    with pytest.raises(UsageError, match="above 0"):
        report(fit, [1e23, -1.0])


def test_model_file_and_formula_are_on_the_page(page: Report, fit: Fit) -> None:
    assert " ".join(fit.spec.text.split()) in Page(page.page).text
    assert '<math display="block">' in page.page


def test_provenance_is_complete(page: Report, fit: Fit) -> None:
    text = Page(page.page).text
    for needed in (fit.runs.digest, fit.spec.digest, "bayes-scaling report runs.csv --flops 1e22"):
        assert needed in text


def test_a_report_of_two_thousand_runs_stays_small(large_fit: Fit) -> None:
    made = report(large_fit, [1e23])
    assert len(made.page.encode()) < 4 * MEBIBYTE
    assert len(large_fit.runs.fitted) == 2200
