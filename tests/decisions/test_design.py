"""Which models a table can identify, and why not the others."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_scaling.decisions.design import examine, identifiable_models
from bayes_scaling.runs.table import Runs
from tests.conftest import ladder


def verdicts(table: pd.DataFrame) -> dict[str, tuple[str, str]]:
    return {r.name: (r.verdict, r.advice) for r in identifiable_models(Runs.from_frame(table)).rows}


def test_a_plain_ladder() -> None:
    found = verdicts(ladder())
    assert found["chinchilla-plain"][0] == found["skaling-plain"][0] == "ok"
    assert found["three-term"][0] == "fail" and "I006" in found["three-term"][1]
    assert found["data-constrained"][0] == "warn" and "seen once" in found["data-constrained"][1]


def test_compute_that_varies_apart_and_repeated_data() -> None:
    table = ladder()
    wobble = np.where(np.arange(36) % 2, 1.5, 0.7)
    table = table.assign(flops=6 * table["params"] * table["tokens"] * wobble)
    found = verdicts(table.assign(unique_tokens=table["tokens"] / 3))
    assert found["three-term"][0] == found["product-three"][0] == "ok"
    assert found["data-constrained"][0] == "ok"


def test_mixtures_that_vary_and_that_do_not() -> None:
    rng = np.random.default_rng(20261124)
    names = ["weight_code", "weight_text", "weight_web"]
    for weights, told in (
        (rng.dirichlet(np.ones(3), 36), None),
        (np.tile([0.2, 0.3, 0.5], (36, 1)), "0 of 2"),
        (np.array([[0.2, x, 0.8 - x] for x in np.linspace(0.1, 0.7, 36)]), "1 of 2"),
    ):
        verdict, advice = verdicts(ladder().assign(**dict(zip(names, weights.T, strict=True))))[
            "effective-tokens"
        ]
        assert verdict == ("ok" if told is None else "warn")
        assert told is None or f"vary in {told} directions" in advice
    one = verdicts(ladder().assign(weight_web=0.5))["mixture-exp"]
    assert one[0] == "fail" and "the table names 1" in one[1]


def test_inputs_that_do_not_vary() -> None:
    rng = np.random.default_rng(20261124)
    share = np.linspace(0.2, 0.9, 36)
    found = verdicts(ladder().assign(quality=0.7, domain_share=share))
    assert found["data-quality"] == (
        "warn", "all runs have the same quality: nothing about what that does",
    )  # fmt: skip
    assert "no domain_share below 0.1" in found["mixture-continued"][1]
    varied = verdicts(ladder().assign(quality=rng.uniform(0.2, 1, 36), domain_share=share - 0.2))
    assert varied["data-quality"][0] == varied["mixture-continued"][0] == "ok"
    weights = rng.dirichlet(np.ones(2), 36)
    mixed = ladder().assign(weight_a=weights[:, 0], weight_b=weights[:, 1])
    assert "params differs between runs" in verdicts(mixed)["mixture-exp"][1]
    one_size = mixed.assign(params=1e9, tokens=2e10)
    assert verdicts(one_size)["mixture-exp"] == ("ok", "")


def test_one_ray_one_resource_few_rows() -> None:
    ray = verdicts(ladder().assign(tokens=lambda t: 20 * t["params"]))
    assert ray["chinchilla-plain"][0] == "warn" and "I001" in ray["chinchilla-plain"][1]
    single = verdicts(ladder()[["tokens", "loss"]])
    assert single["power-floor-plain"][0] == "ok"
    assert single["chinchilla-plain"][0] == "fail" and "params" in single["chinchilla-plain"][1]
    few = verdicts(ladder().iloc[::5].iloc[:6])
    assert few["kaplan-plain"][0] == "ok" and few["chinchilla-plain"][0] == "fail"


def test_columns_that_do_not_vary() -> None:
    bits = {"bits_weights": 8.0, "bits_activations": 16.0, "bits_cache": 16.0}
    fixed = verdicts(ladder().assign(granularity=8.0, **bits))
    assert fixed["moe-granular"][0] == "warn" and "same granularity" in fixed["moe-granular"][1]
    advice = fixed["precision-training"][1]
    assert "same bits_weights, bits_activations, bits_cache" in advice
    assert fixed["precision"][0] == "fail" and "bits_inference" in fixed["precision"][1]
    several = np.tile([4.0, 8.0, 16.0], 12)
    one = verdicts(ladder().assign(granularity=several, **{**bits, "bits_weights": several}))
    assert one["moe-granular"][0] == "ok"
    assert "same bits_activations, bits_cache" in one["precision-training"][1]
    tuned = ladder().assign(adapter_rank=8.0, finetune_tokens=lambda t: t["tokens"] / 1e4)
    found = verdicts(tuned.assign(params=1e9))
    assert "same params, adapter_rank" in found["adapter-rank"][1]
    assert found["finetune"] == (
        "warn", "all runs have the same params: nothing about what that does",
    )  # fmt: skip


def test_ceilings_need_accuracies_near_them() -> None:
    table = ladder().assign(accuracy=np.linspace(0.26, 0.5, 36))
    verdict, advice = verdicts(table)["accuracy-sigmoid"]
    assert verdict == "warn" and "no accuracy above 0.6" in advice
    assert verdicts(table.assign(accuracy=np.linspace(0.26, 0.8, 36)))["accuracy-sigmoid"] == (
        "ok", "",
    )  # fmt: skip
    assert "explains the accuracy" in verdicts(ladder())["threshold"][1]


def test_a_table_of_losses_and_accuracies() -> None:
    """It states nothing a run spends, so that only its rows can be judged."""
    table = pd.DataFrame({"loss": np.linspace(2, 3, 20), "accuracy": np.linspace(0.8, 0.3, 20)})
    assert [row.name for row in examine(Runs.from_frame(table)).rows] == ["rows to fit"]
    assert verdicts(table)["accuracy-sigmoid"][0] == "ok"
    assert "one resource" in verdicts(table)["power-floor-plain"][1]
