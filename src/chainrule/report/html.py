"""A run as one HTML file: no network, no script, pictures inside."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import RunError, need
from ..exchange import safetensors
from ..picture import charts
from ..picture.finding import finding_svg
from ..picture.text import STATUS, score_text
from ..run import METHODS, Run, cannot_write

TEMPLATE = Path(__file__).with_name("template.html")
MOST_TARGETS = 6  # of which predicted against true is drawn
MARK = "<!-- chainrule report -->"


def write_report(run: Run, path: str | Path | None = None) -> Path:
    """Write the report, by default as `report.html` in the run folder; only an older report is written over."""
    target = Path(path) if path is not None else run.folder / "report.html"
    _refuse_foreign(target)
    content = render(run).encode()
    try:
        safetensors.write_whole(target, content)
    except OSError as problem:
        raise cannot_write(target, problem) from None
    return target


def _refuse_foreign(target: Path) -> None:
    if not target.exists():
        return
    if target.is_dir() or MARK.encode() not in target.read_bytes()[:400]:
        raise RunError(
            f"{target}: exists and is not a report of chainrule; nothing is overwritten: choose another file"
        )


def render(run: Run) -> str:
    """The page as text."""
    jinja2 = need("jinja2", "report", "the HTML report")
    template = TEMPLATE.read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    page: str = environment.from_string(template).render(mark=MARK, run=run, about=run.about, **_facts(run))
    return page


def _facts(run: Run) -> dict[str, Any]:
    """What the template shows, from the run folder alone."""
    data, result, metrics = {"positions": [], **run.about["data"]}, run.result, run.metrics
    headline = headline_of(metrics, result)
    facts: dict[str, Any] = {
        "headline": headline,
        "metrics": metrics,
        "result": result,
        "score_text": score_text,
        "settings": json.dumps(run.about["settings"], indent=2, ensure_ascii=False),
        "curves": charts.curves(metrics, headline, (result or {}).get("best_epoch")) if metrics else "",
        "first_layer": first_layer(run),
        "findings": [(found, finding_svg(run, found)) for found in run.findings],
    }
    if result is None:
        return facts
    lr = run.about["settings"]["optimizer"]["lr"]
    facts["status"] = STATUS[result["status"]].format(**result, lr=lr)
    facts["confusion"] = charts.confusion(result["confusion"], data["classes"]) if "confusion" in result else ""
    facts["wrong_images"] = wrong_images(run, result)
    facts["fit"] = fit(run, data.get("targets") or [data["target"]]) if data["task"] == "numbers" else ""
    return facts


def headline_of(metrics: Sequence[Mapping[str, float]], result: Mapping[str, Any] | None) -> str:
    """The most telling score: the first that is recorded after the loss."""
    names = (
        result["scores"][result["judged"]] if result else (name.removeprefix("train/") for name in (metrics or [{}])[0])
    )
    return next((name for name in names if name in ("accuracy", "iou", "f1", "r2")), "accuracy")


def first_layer(run: Run) -> str:
    """What the first layer with weights looks for, or nothing if it cannot be shown."""
    file = run.checkpoint("best")
    if not file.exists():
        return ""
    arrays = safetensors.load(file)[0]
    names = [f"{name}/w" for name, _ in run.about["settings"]["net"].get("layers", [])]
    w = next((arrays[name] for name in names if name in arrays), None)
    shape, features = run.about["data"]["shape"], run.about["data"]["features"]
    prepared = run.about["settings"].get("prepare", {"name": "standardise"})["name"]
    if w is None or prepared in ("pca", "whiten"):  # then it looks at components, not at pixels or columns
        return ""
    if w.ndim == 4:
        return charts.filters(w)
    if len(shape) == 3 and len(w) == np.prod(shape):
        return charts.filters(w.reshape(*shape, -1))
    return charts.weights_by_feature(w, features) if len(features) == len(w) else ""


def wrong_images(run: Run, result: dict[str, Any]) -> str:
    """The images with the largest loss, with what they are and what they were taken for."""
    file = run.folder / "wrong.safetensors"
    if not file.exists() or not result["wrong"]:
        return ""
    arrays, wrong = safetensors.load(file)[0], result["wrong"]
    if "true" in arrays:
        each = zip(arrays["x"], *(charts.coloured(arrays[key]) for key in ("true", "predicted")), strict=True)
        captions = [name for w in wrong for name in (f"row {w['where']}", "true", f"{w['wrong']:.1%} wrong")]
        return charts.pictures([picture for three in each for picture in three], captions, size=1.0)
    if "confusion" not in result:
        return ""
    sure = [f"\n{w['probability']:.0%} sure" if "probability" in w else "" for w in wrong]
    captions = [f"{w['true']} → {w['predicted']}{end}" for w, end in zip(wrong, sure, strict=True)]
    return charts.pictures(list(arrays["x"]), captions)


def fit(run: Run, targets: Sequence[str]) -> str:
    """Predicted against true numbers of the judged part."""
    file = run.folder / "fit.safetensors"
    if not file.exists():
        return ""
    arrays = safetensors.load(file)[0]
    columns = zip(arrays["true"].T, arrays["predicted"].T, _names(targets, arrays["true"].shape[1]), strict=True)
    return "".join(charts.predicted_against_true(*column) for column in list(columns)[:MOST_TARGETS])


def _names(targets: Sequence[str], count: int) -> list[str]:
    """One for each number that is predicted."""
    return list(targets) if len(targets) == count else [str(i) for i in range(count)]


METHODS["report"] = write_report
