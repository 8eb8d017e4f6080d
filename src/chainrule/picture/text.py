"""What a run has to tell, as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..run import METHODS, Run
from ..table import table

SHOWN = 5  # most wrong examples
WIDE = 20  # classes up to which the whole confusion matrix is printed
PERCENT = ("accuracy", "top5")
STATUS = {
    "finished": "finished {epochs} epochs in {seconds:.1f} s; kept is epoch {best_epoch}",
    "interrupted": "stopped by Ctrl-C in epoch {epochs}, after {seconds:.1f} s; kept is epoch {best_epoch}",
    "diverged": "diverged in epoch {epochs}: the loss was not finite, or above 3 times its start. "
    "Kept is epoch {best_epoch}; the learning rate was {lr:g}",
}


def result_text(run: Run) -> str:
    """Scores of every part, the confusion matrix, the most wrong examples, how it ended, and where it is recorded."""
    result = run.result
    if result is None:
        return f"{run.folder}: not finished; {len(run.metrics)} epochs are recorded"
    blocks = [scores_table(result), further_text(result)]
    if len(result.get("confusion", ())) > 1:
        blocks.append(confusion_text(result["confusion"], run.about["data"]["classes"], result["judged"]))
    blocks.append(wrong_table(result, run.about["data"]))
    status = STATUS[result["status"]].format(**result, lr=run.about["settings"]["optimizer"]["lr"])
    loss = run.about["settings"].get("loss")  # runs of version 0.1 do not say
    status += f"\nloss: {loss['about']}, {loss['chosen']}" if loss else ""
    return "\n\n".join([*(block for block in blocks if block), f"{status}\nrecorded in {run.folder}"])


def findings_text(run: Run) -> str:
    """All findings of a run, each with its place, what was seen, why it matters, what to do, and the source."""
    findings = run.findings
    if not findings:
        return f"{run.folder}: nothing was found wrong"
    return "\n\n".join([f"{run.folder}: {len(findings)} found", *(_finding(finding) for finding in findings)])


def _finding(finding: Any) -> str:
    place = [finding.layer] * bool(finding.layer) + [f"step {finding.step}"] * (finding.step is not None)
    lines = [f"{finding.severity}: {finding.rule}{' at ' * bool(place)}{', '.join(place)}", f"saw   {finding.saw}"]
    lines += [f"why   {finding.why}", *(f"try   {what}" for what in finding.do), f"from  {finding.source}"]
    return "\n      ".join(lines)


def further_text(result: Mapping[str, Any]) -> str:
    """What else is known of the judged part, in a line; and of several labels, each."""
    further = ", ".join(f"{name} {score_text(name, value)}" for name, value in result.get("further", {}).items())
    lines = [f"{result['judged']} part also: {further}"] if further else []
    if "each" in result and "confusion" not in result:
        head = list(result["each"][0])
        rows = [
            [str(row[key]) if key in ("class", "rows") else f"{row[key]:.3f}" for key in head] for row in result["each"]
        ]
        lines.append(table([head, *rows]))
    return "\n".join(lines)


def scores_table(result: Mapping[str, Any]) -> str:
    """One line for each part of the data."""
    names = list(next(iter(result["scores"].values())))
    head = ["part", "rows", *names]
    body = [
        [part, f"{result['rows'][part]:,}", *(score_text(name, scores[name]) for name in names)]
        for part, scores in result["scores"].items()
    ]
    return table([head, *body])


def score_text(name: str, value: float) -> str:
    """A score as people read it."""
    return f"{value:.1%}" if name in PERCENT else f"{value:.4g}"


def confusion_text(matrix: Sequence[Sequence[int]], classes: Sequence[Any], judged: str) -> str:
    """Rows are the true classes, columns what they were taken for; of many classes only the confusions."""
    title = f"confusion matrix of the {judged} part: rows are true, columns are predicted"
    if len(classes) > WIDE:
        return "\n".join([f"most frequent confusions of the {judged} part", *_confusions(matrix, classes)])
    names = [str(c)[:12] for c in classes]
    body = [[name, *(str(n) if n else "." for n in row)] for name, row in zip(names, matrix, strict=True)]
    return f"{title}\n{table([['', *names], *body])}"


def _confusions(matrix: Sequence[Sequence[int]], classes: Sequence[Any], most: int = 10) -> list[str]:
    found = [(n, i, j) for i, row in enumerate(matrix) for j, n in enumerate(row) if i != j and n]
    return [f"{n:>5}  {classes[i]} taken for {classes[j]}" for n, i, j in sorted(found, reverse=True)[:most]]


def wrong_table(result: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """The examples with the largest loss."""
    # Version 0.1 does not say it.
    place = data.get("place") or ("line" if data["features"] and data["target"] else "index")
    wrong = result["wrong"][:SHOWN]
    if data["task"] == "numbers":
        rows = [[str(w["where"]), _numbers(w["true"]), _numbers(w["predicted"])] for w in wrong]
        return f"furthest off in the {result['judged']} part\n{table([[place, 'true', 'predicted'], *rows])}"
    wrong = [w for w in wrong if w.get("wrong", w.get("true") != w.get("predicted"))]
    if not wrong:
        return f"nothing in the {result['judged']} part is wrong"
    title = f"most wrong in the {result['judged']} part"
    if "wrong" in wrong[0]:
        rows = [[str(w["where"]), f"{w['wrong']:.1%}"] for w in wrong]
        return f"{title}\n{table([[place, 'positions wrong'], *rows])}"
    if "probability" not in wrong[0]:
        several = data["task"] == "labels"
        told = [(_names(w["true"]), _names(w["predicted"])) if several else (w["true"], w["predicted"]) for w in wrong]
        rows = [[str(w["where"]), *map(str, pair)] for w, pair in zip(wrong, told, strict=True)]
        return f"{title}\n{table([[place, 'true', 'predicted'], *rows])}"
    rows = [[str(w["where"]), str(w["true"]), str(w["predicted"]), f"{w['probability']:.1%}"] for w in wrong]
    return f"{title}\n{table([[place, 'true', 'predicted', 'sure'], *rows])}"


def _names(labels: Sequence[Any]) -> str:
    return ", ".join(map(str, labels)) or "none"


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{v:.4g}" for v in values)


def _picture(run: Run, finding: Any) -> Any:
    from .finding import finding_chart  # noqa: PLC0415  (few programs draw, and none should wait for it)

    return finding_chart(run, finding)


METHODS["summary"] = result_text
METHODS["picture"] = _picture
