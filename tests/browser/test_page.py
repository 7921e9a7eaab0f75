"""The page in a browser: sliders say what Python says; nothing fetched, nothing hidden."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from bayes_scaling.decisions.setting import Setting
from bayes_scaling.errors import UsageError
from bayes_scaling.reporting.report import Report
from bayes_scaling.reporting.what_if import NO_LIMIT, Asked, WhatIf, what_if
from tests.reporting.conftest import BUDGETS, make_fit, make_runs

SEED = 20261128
EXACT = 1e-6
PHONE = {"width": 360, "height": 740}
CONTRAST = """() => {
  const channel = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const found = parse(getComputedStyle(node).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const node of document.querySelectorAll("main *")) {
    const own = [...node.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || node.closest("svg") || !node.getClientRects().length) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(ground(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const words = node.textContent.slice(0, 40);
    if (ratio < 4.5) low.push(`${node.tagName} ${ratio.toFixed(2)} ${words}`);
  }
  return low;
}"""


@pytest.fixture
def opened(browser: Any, page_file: Path) -> Iterator[Any]:
    page = browser.new_page()
    page.requests = []
    page.on("request", lambda each: page.requests.append(each.url))
    page.faults = []
    page.on("pageerror", lambda fault: page.faults.append(str(fault)))
    page.on("console", lambda said: page.faults.append(said.text) if said.type == "error" else None)
    page.goto(page_file.as_uri())
    page.wait_for_selector("html[data-ready=yes]")
    yield page
    page.close()


@pytest.fixture(scope="module")
def asks() -> WhatIf:
    found = what_if(make_fit(make_runs()), BUDGETS[0], Setting())
    assert found is not None
    return found


def move(page: Any, name: str, value: float) -> None:
    page.eval_on_selector(
        f"#what_if_{name}",
        "(el, v) => { el.value = v; el.dispatchEvent(new Event('input', {bubbles: true})); }",
        value,
    )


def shown(page: Any) -> dict[str, float]:
    cells: list[list[str]] = page.eval_on_selector_all(
        "#what_if [data-answer]", "all => all.map(el => [el.dataset.answer, el.dataset.value])"
    )
    return {name: float(value) if value else float("nan") for name, value in cells}


def stands(page: Any, start: Asked, moved: dict[str, float]) -> Asked:
    """Where sliders stand after these were moved; the browser rounds to their steps."""
    values: dict[str, float] = {}
    for name in moved:
        place, low, high = (
            float(each)
            for each in page.eval_on_selector(
                f"#what_if_{name}", "el => [el.value, el.min, el.max]"
            )
        )
        values[name] = place if name == "target" else 10**place
        if name == "serve_tokens" and place == low:
            values[name] = 0.0
        if name == "max_tokens" and place == high:
            values[name] = NO_LIMIT
    return replace(start, **values)


def test_before_anything_is_moved_the_page_says_what_the_json_says(
    opened: Any, made: Report
) -> None:
    found = made.numbers["what_if"]["answer"]
    assert shown(opened) == pytest.approx({k: found[k] for k in shown(opened)}, rel=EXACT)
    assert not opened.faults


@pytest.mark.parametrize("turn", range(12))
def test_moved_sliders_say_what_python_says(opened: Any, asks: WhatIf, turn: int) -> None:
    rng = random.Random(SEED + turn)
    moved = {}
    for slider in asks.sliders():
        if rng.random() < 0.6:
            moved[slider["name"]] = rng.uniform(slider["min"], slider["max"])
            move(opened, slider["name"], moved[slider["name"]])
    asked = stands(opened, asks.asked, moved)
    found = shown(opened)
    try:
        expected = asks.answer(asked)
    except UsageError:
        assert all(value != value for value in found.values()), asdict(asked)
        return
    assert found == pytest.approx({k: expected[k] for k in found}, rel=EXACT), asdict(asked)
    assert not opened.faults


def test_reset_asks_the_first_question_again(opened: Any) -> None:
    before = shown(opened)
    move(opened, "usd", 9.0)
    assert shown(opened) != before
    opened.get_by_role("button", name="As asked above").click()
    opened.wait_for_function(
        "v => document.querySelector('[data-answer=params]').dataset.value === v",
        arg=repr(before["params"]).removesuffix(".0"),
    )
    assert shown(opened) == before


def test_keys_move_a_slider_that_has_a_name(opened: Any) -> None:
    slider = opened.get_by_label("Budget", exact=True)
    before = shown(opened)["flops"]
    slider.focus()
    slider.press("ArrowRight")
    assert shown(opened)["flops"] > before
    assert slider.get_attribute("aria-valuetext").startswith("$")
    unnamed = opened.eval_on_selector_all(
        "input, button", "all => all.filter(e => !(e.labels?.length || e.textContent)).length"
    )
    assert unnamed == 0


def test_nothing_is_fetched(opened: Any, page_file: Path) -> None:
    move(opened, "mfu", -0.5)
    assert opened.requests == [page_file.as_uri()]


def test_ready_within_a_second_of_its_load(opened: Any) -> None:
    ready, loaded = opened.evaluate(
        "() => [performance.getEntriesByName('ready')[0].startTime,"
        " performance.getEntriesByType('navigation')[0].responseEnd]"
    )
    assert ready - loaded < 1000


def test_text_has_contrast(opened: Any) -> None:
    assert opened.evaluate(CONTRAST) == []


def test_every_picture_has_words(opened: Any) -> None:
    bare = opened.eval_on_selector_all(
        "svg", "all => all.filter(e => !e.closest('[role=img][aria-label]')).length"
    )
    assert bare == 0
    assert opened.locator("[role=img]").count() >= 10


@pytest.mark.parametrize("scripts", [True, False])
def test_nothing_scrolls_sideways_on_a_phone(browser: Any, page_file: Path, scripts: bool) -> None:
    context = browser.new_context(viewport=PHONE, java_script_enabled=scripts)
    page = context.new_page()
    page.goto(page_file.as_uri())
    size = page.locator("html").bounding_box()
    wide = [
        box["width"]
        for each in page.locator("main > *").all()
        if (box := each.bounding_box()) is not None
    ]
    assert size["width"] <= PHONE["width"] and max(wide) <= PHONE["width"]
    if scripts:
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    else:
        assert "With JavaScript, sliders here" in page.inner_text("#what_if")
        assert page.locator("#what_if_form").is_hidden()
    context.close()
