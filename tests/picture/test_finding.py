"""A finding's picture: from the run, without training anything."""

from __future__ import annotations

from pathlib import Path

import pytest

import chainrule as cr
from chainrule.errors import SettingError

pytest.importorskip("matplotlib")


def test_a_run_draws_its_findings(tmp_path: Path) -> None:
    digits = cr.data.load("digits").take(range(300))
    run = cr.train(
        "flatten dense16 relu dense10", digits, optimizer=cr.SGD(30.0), epochs=4, folder=tmp_path / "r", progress=False
    )
    finding = run.findings[0]
    assert finding.rule == "lr_too_high"
    axes = run.picture(finding).axes[0]
    assert axes.get_xlabel() == "learning rate"
    assert {"trials", "limit"} <= {text.get_text() for text in axes.get_legend().get_texts()}
    with pytest.raises(SettingError, match="expected one of the rules"):
        run.picture(cr.Finding("no_such_rule", "note", "", "", ()))
