"""Every rule on both sides of its limit, and what the zoo's tune half prints."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from by_hand import BY_HAND
from listed import Line, line_of, listed, names

from chainrule.diagnose import RULES, Record
from chainrule.run import Run

NORMED = {"layer": "Sequential", "layers": [["batchnorm1", {"layer": "BatchNorm"}]]}
DROPPED = {"layer": "Sequential", "layers": [["dropout1", {"layer": "Dropout", "rate": 0.66}]]}
KEPT = {"layer": "Sequential", "layers": [["dropout1", {"layer": "Dropout", "rate": 0.64}]]}
ENDED, BASE, OF_BOTH = (
    {"facts.ended.status": "finished"},
    {"facts.start.base_loss": 1.0},
    "facts.start.base_of_validation",
)
NUMBERS, LR = {"data.task": "numbers"}, {"settings.optimizer.lr": 0.1, "facts.trials.steps": 100}
ALTERNATING = {"steps": 30, **BASE, **ENDED}
CODES = {"facts.targets.whole": True, "facts.targets.columns": 1, "facts.targets.most": 50}
VANISHED = {"step": 0, "a/gradient_norm": 0.01, "b/gradient_norm": 1.0, "c/gradient_norm": 1.0, "d/gradient_norm": 1.0}
BAD = {"op": "exp", "value": "inf", "why": "e to 90", "phase": "forward", "layer": "exp1", "step": 3}


@dataclass(frozen=True)
class Edge:
    """What a rule looks at, just beyond its limit and just within; all else is alike. Paths are dotted."""

    rule: str
    path: str
    sick: Any
    healthy: Any
    rest: Mapping[str, Any] = field(default_factory=dict)


def looks(what: str, **layers: float) -> list[dict[str, float]]:
    return [{"step": 0, **{f"{layer}/{what}": value for layer, value in layers.items()}}]


EDGES = (
    Edge("shared_rows", "facts.inputs.shared.validation", 0.11, 0.1),
    Edge("shared_rows", "facts.inputs.shared.test", 0.31, 0.29, {"facts.inputs.repeated": 0.2}),
    Edge("parts_differ", "facts.inputs.parts.test", {"rows": 15, "stretch": 0.1, "shift": 0.71}, {"rows": 15, "stretch": 0.1, "shift": 0.69}),
    Edge("parts_differ", "facts.inputs.parts.test", {"rows": 15, "shift": 0.1, "stretch": 0.51}, {"rows": 14, "shift": 0.1, "stretch": 0.51}),
    Edge("fitted_on_all", "facts.inputs.parts.validation", {"most_shift": 9e-5, "most_stretch": 9e-4}, {"most_shift": 2e-4, "most_stretch": 9e-4}),
    Edge("fitted_on_all", "facts.inputs.whole", {"mean": 9e-5, "std": 9e-4}, {"mean": 9e-5, "std": 2e-3}),
    Edge("constant_features", "facts.inputs.constant.count", 1, 0, {"facts.inputs.features": 4, "data.features": ["a", "b", "c", "d"]}),
    Edge("copied_features", "facts.inputs.copied.count", 1, 0, {"facts.inputs.features": 4, "data.features": ["a", "b", "c", "d"]}),
    Edge("input_scale", "facts.inputs.scale.rms", 12.1, 11.9),
    Edge("input_scale", "facts.inputs.scale.rms", 0.029, 0.031),
    Edge("input_scale", "facts.inputs.scale.greatest", 101, 99, {"facts.inputs.scale.rms": 5, "facts.inputs.scale.middle": 1}),
    Edge("classes_as_numbers", "facts.targets.distinct", 10, 11, NUMBERS | CODES | {"facts.targets.fewest": 5}),
    Edge("classes_as_numbers", "facts.targets.distinct", 30, 31, NUMBERS | CODES | {"facts.targets.fewest": 16}),
    Edge("classes_as_numbers", "facts.targets.fewest", 16, 15, NUMBERS | CODES | {"facts.targets.distinct": 30}),
    Edge("classes_as_numbers", "facts.targets.one_hot", True, False, NUMBERS | {"facts.targets.columns": 3, "facts.targets.distinct": 2}),
    Edge("numbers_as_classes", "facts.targets.neighbours.near", 0.84, 0.86, {"facts.targets.whole": True, "facts.targets.counts": [5] * 20}),
    Edge("numbers_as_classes", "facts.targets.counts", [19] * 20, [21] * 20, {"facts.targets.whole": True, "facts.targets.neighbours.near": 0.5}),
    Edge("unseen_classes", "facts.targets.unseen.count", 1, 0, {"facts.targets.unseen.classes": [3], "facts.targets.unseen.rows": 2}),
    Edge("sorted_rows", "facts.targets.order", 0.29, 0.31, {"settings.shuffle": False}),
    Edge("sorted_rows", "settings.shuffle", False, True, {"facts.targets.order": 0.0}),
    Edge("no_signal", "validation", [1.0, 0.96], [1.0, 0.94], {"facts.targets.neighbours": {"rows": 100, "r2": -0.1}, OF_BOTH: 1.0, **ENDED}),
    Edge("no_signal", "facts.targets.neighbours.agree", 0.62, 0.63, {"facts.targets.neighbours.chance": 0.5, "facts.targets.neighbours.rows": 64, "validation": [1.0], OF_BOTH: 1.0, **ENDED}),
    Edge("no_signal", "train", [0.94], [0.96], {"validation": [1.0], **BASE, OF_BOTH: 1.0, **ENDED}),
    Edge("label_noise", "facts.targets.neighbours.pure", 0.79, 0.81, {"facts.targets.neighbours.agree": 0.5, "facts.targets.neighbours.chance": 0.2, "facts.targets.neighbours.rows": 150, "train": [0.1], "validation": [0.5], **BASE}),
    Edge("target_scale", "facts.targets.std", 10.1, 9.9, {"facts.targets.offset": 0.0}),
    Edge("target_scale", "facts.targets.std", 0.09, 0.11, {"facts.targets.offset": 0.0}),
    Edge("one_unit_softmax", "facts.start.output.std", 0.0, 0.1, {"facts.start.output.mean": 1.0, "facts.start.output_op": "softmax"}),
    Edge("output_range", "facts.targets.least", -0.03, -0.01, {"facts.start.output_range": [0, None], "facts.start.output_op": "relu", "facts.targets.greatest": 1.0, **NUMBERS}),
    Edge("loss_scale", "facts.start.loss", 4.1, 3.9, {"facts.start.standard_loss": 1.0, "settings.loss.own": True}),
    Edge("imbalance", "result.recalls.train", [1.0, 0.64], [1.0, 0.66], {"facts.targets.counts": [95, 5], "data.classes": ["a", "b"]}),
    Edge("wrong_gradient", "facts.start.gradient.worst", 1.1e-3, 9e-4, {"facts.start.gradient.layer": "dense1/w"}),
    Edge("wrong_gradient", "facts.start.cut", ["dense1/w"], []),
    Edge("climbs", "facts.start.descent", 0.01, -0.01),
    Edge("units_equal", "facts.start.equal", ["dense1"], []),
    Edge("large_start", "facts.gains", {"dense1/w": 6.1}, {"dense1/w": 5.9}),
    Edge("small_start", "facts.gains", {"dense1/w": 0.14, "dense2/w": 1.4}, {"dense1/w": 0.16, "dense2/w": 0.01}),
    Edge("initial_loss", "facts.start.loss", 4.1, 3.9, {"facts.start.loss_of_zeros": 1.0, **BASE}),
    Edge("not_overfitting", "facts.overfit.end", 0.91, 0.89, {"facts.overfit.start": 1.0, "facts.overfit.steps": 20}),
    Edge("ignores_inputs", "facts.overfit.zeroed", 0.2, 0.21, {"facts.overfit.start": 1.0, "facts.overfit.end": 0.2, **BASE}),
    Edge("tiny_batch_norm", "settings.batch_size", 4, 5, {"settings.net": NORMED}),
    Edge("hidden_softmax", "facts.start.softmax_hidden", ["softmax1"], []),
    Edge("exploding_activations", "probes", looks("std", a=1.0, b=1001.0), looks("std", a=1.0, b=999.0)),
    Edge("no_nonlinearity", "facts.start.affine", True, False, {"facts.start.weight_layers": 2}),
    Edge("vanishing_gradient", "probes", looks("gradient_norm", a=0.019, b=1, c=1, d=1), looks("gradient_norm", a=0.021, b=1, c=1, d=1)),
    Edge("vanishing_gradient", "probes", [VANISHED | {"a/saturated": 0.59}], [VANISHED | {"a/saturated": 0.61}]),
    Edge("epsilon", "settings.optimizer.eps", 1.1e-3, 9e-4),
    Edge("too_few_epochs", "facts.further.validation", [1.0, 0.84], [1.0, 0.86], {"facts.further.steps": 100, "train": [1.0], **BASE}),
    Edge("too_few_epochs", "facts.further.validation", [1.0, 0.92], [1.0, 0.93], {"facts.further.steps": 100, "train": [1.0], "steps": 99, **BASE}),
    Edge("lr_too_high", "facts.trials.loss", {"1": 0.5, "0.1": 0.37}, {"1": 0.5, "0.1": 0.38}, {"validation": [0.5], **LR, **BASE, **ENDED}),
    Edge("lr_too_high", "facts.trials.train", {"1": 1.51}, {"1": 1.49}, {"facts.trials.loss": {"1": 0.5, "0.1": 0.49}, "facts.overfit.start": 1.0, "validation": [0.5], **LR, **BASE, **ENDED}),
    Edge("lr_too_low", "facts.trials.loss", {"1": 0.5, "10": 0.37}, {"1": 0.5, "10": 0.38}, {"validation": [0.5], **LR, **BASE, **ENDED}),
    Edge("lr_too_low", "probes", looks("update_ratio", a=9e-6), looks("update_ratio", a=2e-5), {"train": [0.95], **BASE, **ENDED}),
    Edge("dead_units", "probes", looks("dead", relu1=0.61), looks("dead", relu1=0.59)),
    Edge("saturated_units", "probes", looks("saturated", tanh1=0.61), looks("saturated", tanh1=0.59)),
    Edge("l2_too_strong", "facts.trials.unpenalised", 0.59, 0.61, {"settings.l2": 5.0, "facts.trials.steps": 100, "facts.trials.loss": {"1": 0.8}, "validation": [0.8], **BASE, **ENDED}),
    Edge("dropout_too_strong", "settings.net", DROPPED, KEPT, {"train": [0.3], **BASE}),
    Edge("dropout_too_strong", "train", [0.26], [0.24], {"settings.net": DROPPED, **BASE}),
    Edge("use_gap", "facts.gap.use", 0.41, 0.39, {"facts.gap.training": 0.2, "settings.net": NORMED, **BASE}),
    Edge("too_small", "result.scores.train.accuracy", 0.72, 0.74, {"facts.targets.neighbours.right": 0.9, "result.status": "finished"}),
    Edge("too_large", "train", [0.5, 0.49], [0.5, 0.51], {"validation": [1.0, 1.0], **BASE, **ENDED}),
    Edge("too_large", "validation", [1.0, 0.31], [1.0, 0.29], {"train": [0.5, 0.1], **BASE, **ENDED}),
    Edge("not_finite", "facts.bad", BAD, None),
    Edge("loss_rises", "facts.ended.loss", 3.1, 2.9, {"facts.ended.start": 1.0, "facts.ended.status": "diverged"}),
    Edge("oscillates", "train", [1.0, 0.65] * 6, [1.0, 0.75] * 6, ALTERNATING),
    Edge("flat", "train", [0.98], [0.96], {"steps": 20, **BASE, **ENDED}),
    Edge("plateau", "train", [0.9] * 9 + [0.895], [0.9] * 9 + [0.88], {"steps": 20, **BASE, **ENDED}),
    Edge("too_short", "steps", 9, 10, {"train": [1.0], **ENDED}),
)  # fmt: skip

# Beyond it is a warning, within a note.
MILD = (
    Edge("no_nonlinearity", "validation", [0.16], [0.14], {"facts.start.affine": True, "facts.start.weight_layers": 2, OF_BOTH: 1.0}),
    Edge("lr_too_high", "validation", [0.71], [0.69], {"facts.trials.loss": {"1": 0.8, "0.1": 0.5}, **LR, **BASE, **ENDED}),
    Edge("lr_too_low", "probes", looks("update_ratio", a=2.9e-3), looks("update_ratio", a=3.1e-3), {"facts.trials.loss": {"1": 0.8, "10": 0.3}, "validation": [0.8], **LR, **BASE, **ENDED}),
    Edge("too_few_epochs", "facts.further.validation", [0.8, 0.64], [0.8, 0.66], {"facts.further.steps": 100, "train": [1.0], **BASE}),
    Edge("saturated_units", "train", [0.51], [0.49], {"probes": looks("saturated", tanh1=0.61), **BASE}),
    Edge("too_large", "validation", [1.0, 1.31], [1.0, 1.29], {"train": [0.5, 0.05], **BASE, **ENDED}),
    Edge("too_large", "train", [0.5, 0.029], [0.5, 0.031], {"validation": [1.0, 1.0], **BASE, **ENDED}),
)  # fmt: skip


def written(folder: Path, given: Mapping[str, Any]) -> Run:
    """A run folder that holds what the dotted paths say, and nothing else."""
    files: dict[str, Any] = {"facts": {}, "settings": {}, "data": {}, "result": {}}
    for path, value in given.items():
        place, (first, *middle) = files, path.split(".")
        if not middle:
            continue
        for name in (first, *middle[:-1]):
            place = place.setdefault(name, {})
        place[middle[-1]] = value
    folder.mkdir()
    about = {"settings": files["settings"], "data": {"task": "classes", **files["data"]}}
    (folder / "run.json").write_text(json.dumps(about), encoding="utf-8")
    for name in ("facts", "result"):
        if files[name]:
            (folder / f"{name}.json").write_text(json.dumps(files[name]), encoding="utf-8")
    rows = epochs(given.get("train", ()), given.get("validation", ()), given.get("steps", 1000))
    for name, lines in (("metrics", rows), ("probes", given.get("probes", ()))):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return Run(folder)


def epochs(train: Sequence[float], validation: Sequence[float], steps: int) -> list[dict[str, float]]:
    """The rows of metrics with these losses."""
    count = max(len(train), len(validation))
    rows: list[dict[str, float]] = [{"epoch": i + 1, "step": steps * (i + 1) // count} for i in range(count)]
    for name, losses in (("train", train), ("validation", validation)):
        for row, loss in zip(rows, losses, strict=False):
            row[f"{name}/loss"] = loss
    return rows


@pytest.mark.parametrize("edge", EDGES, ids=lambda edge: f"{edge.rule}-{edge.path}")
def test_a_rule_tells_beyond_its_limit_from_within(edge: Edge, tmp_path: Path) -> None:
    sick, healthy = (
        Record(written(tmp_path / name, {**edge.rest, edge.path: value}))
        for name, value in (("sick", edge.sick), ("healthy", edge.healthy))
    )
    (found,) = RULES[edge.rule](sick)
    assert found.rule == edge.rule
    assert problems(str(found)) == []
    assert list(RULES[edge.rule](healthy)) == []


@pytest.mark.parametrize("edge", MILD, ids=lambda edge: f"{edge.rule}-{edge.path}")
def test_what_is_mild_is_a_note(edge: Edge, tmp_path: Path) -> None:
    for value, severity in ((edge.sick, "warning"), (edge.healthy, "note")):
        (found,) = RULES[edge.rule](Record(written(tmp_path / severity, {**edge.rest, edge.path: value})))
        assert found.severity == severity


def test_a_training_that_diverged_says_nothing_of_priors_and_size(tmp_path: Path) -> None:
    """What it reached is no outcome."""
    for rule in ("l2_too_strong", "too_small"):
        edge = next(edge for edge in EDGES if edge.rule == rule)
        lost = {"facts.ended.status": "diverged", "result.status": "diverged"}
        assert not list(RULES[rule](Record(written(tmp_path / rule, {**edge.rest, edge.path: edge.sick, **lost}))))


def test_every_rule_has_an_edge() -> None:
    assert {edge.rule for edge in EDGES} == set(RULES)


# --- what is printed

SENTENCE = re.compile(
    r"(?:error|warning|note): \w+, (?P<place>[^:]+): (?P<saw>.+?)\. (?P<why>[A-Z].*?[^.])\. Try: (?P<do>.+[^.])\."
)
LIMITED = re.compile(r"\([^()]*\b(?:limits?|sound|sound spreads|default|chance|at least)\b|limit: ")
AMERICAN = re.compile(
    r"\b\w*(?:ardiz|ormaliz|itializ|ulariz|ptimiz(?!er)|eneraliz|ecogniz|nalyz|color|center|ehavior|labeled|eighbor)\w*"
)
ONE = re.compile(r"\b1 (?:\w+ )?(?:layers|classes|features|rows|steps|epochs)\b")
WORDS = 60
PAGE = Path(__file__).parents[2] / "docs" / "diagnosis.md"


def problems(told: str) -> list[str]:
    """What is wrong with a line."""
    parts = SENTENCE.fullmatch(told)
    if parts is None:
        return [f"not of the form 'severity: rule, place: what. Why. Try: cure.': {told}"]
    return [
        f"{what}: {told}"
        for what, holds in (
            (f"more than {WORDS} words", len(told.split()) > WORDS),
            ("no number", not re.search(r"\d", parts["saw"])),
            ("no limit", not LIMITED.search(parts["saw"])),
            ("two full stops", ".." in told),
            ("nan", re.search(r"\bnan\b", told) is not None),
            ("American spelling", AMERICAN.search(told) is not None),
            ("one, and a plural", ONE.search(told) is not None),
        )
        if holds
    ]


@pytest.mark.parametrize("rule", RULES)
def test_every_line_of_the_list_is_a_whole_sentence(rule: str) -> None:
    """So is what the page quotes of it: some rules are never the first to speak."""
    quoted = re.findall(rf"^> (\w+: {rule}, .*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(quoted) == 1
    lines = [line.told for line in listed() if line.rule == rule]
    assert [wrong for told in [*quoted, *lines] for wrong in problems(told)] == []


@pytest.mark.parametrize(
    "told",
    [
        "warning: flat, loss step 3: it stays at 1 (limit 0.97).. Nothing was learned. Try: more.",
        "warning: flat, loss step 3: it stays (limit). Nothing was learned. Try: more.",
        "warning: flat, loss step 3: it stays at 1. Nothing was learned. Try: more.",
        "warning: flat, loss step 3: it stays at 1 (limit 0.97). Nothing was learned. Try: normalizing.",
        "warning: flat: it stays at 1 (limit 0.97). Nothing was learned. Try: more.",
        "warning: flat, loss: all units of 1 layers are 0 (limit 3). Nothing was learned. Try: more.",
        f"warning: flat, loss: {'very ' * WORDS} 1 (limit 0.97). Nothing was learned. Try: more.",
    ],
)
def test_a_bad_line_is_seen(told: str) -> None:
    assert problems(told)


def test_the_list_is_of_all_trainings_and_all_rules() -> None:
    """A sick one that shows nothing is a fault of the rules, or of the zoo."""
    lines = listed()
    assert len({(line.kind, line.name) for line in lines} & set(names())) == len(lines)
    assert {rule for line in lines if line.kind == "sick" for _, rule in line.found} == set(RULES)
    told = {line.name for line in lines if line.kind == "sick"}
    assert [name for kind, name in names() if kind == "sick" and name not in told] == []


def test_no_healthy_training_has_an_error_or_a_warning() -> None:
    """A twin shares the surroundings of its sick one, so that it may share a cause; what is healthy shares none."""
    loud = {
        line.name for line in listed() if line.kind == "healthy" and {"error", "warning"} & {s for s, _ in line.found}
    }
    assert loud == set()


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_a_sick_training_whose_twin_it_leaves_alone(rule: str) -> None:
    by_kind: dict[str, set[str]] = {"sick": set(), "twin": set(), "healthy": set()}
    for line in listed():
        if rule in {found for _, found in line.found}:
            by_kind[line.kind].add(line.name)
    assert by_kind["sick"] - by_kind["twin"]


def shape(told: str) -> str:
    """A line without its figures, which differ between processors."""
    return re.sub(r"-?\b(?:\d[\d,.]*(?:e[-+]?\d+)?|inf|nan)", "#", told)


LIVE = (
    ("sick", "constant-init/digits-zeros"),
    ("sick", "missing-normalisation/friedman-units"),
    ("twin", "missing-normalisation/friedman-units"),
    ("sick", "learning-rate-too-high/digits-sgd"),
    ("sick", "broken-cells/nan"),
    *((kind, f"by-hand/{name}") for name in BY_HAND for kind in ("sick", "twin")),
)


@pytest.mark.parametrize(("kind", "name"), LIVE, ids=str)
def test_the_list_is_what_trainings_print(kind: str, name: str) -> None:
    """Some of them, trained anew; a note may come and go at its limit."""

    def serious(line: Line | None) -> tuple[str, list[str]]:
        found = [] if line is None else [rule for severity, rule in line.found if severity != "note"]
        return shape(line.told) if line is not None and (found or not line.rule) else "", found

    old = next((line for line in listed() if (line.kind, line.name) == (kind, name)), None)
    assert serious(line_of((kind, name))) == serious(old), "python tests/diagnose/listed.py writes the list anew"
