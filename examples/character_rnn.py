"""A character RNN: it reads sentences letter by letter, says what comes next, and finds the grammar by itself.

"the dogs often chase the bird. " Whether it is "chase" or "chases" was settled a word or two ago. The network's surprise
at new sentences, in bits per character, is held against two baselines, which know how often a character occurs (unigram)
and how often it follows the one before (bigram), and against the entropy of the grammar, below which nobody gets.
Source: Shannon (1951), "Prediction and entropy of printed English"; Elman (1991), on grammar; Karpathy (2015).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

import chainrule as cr

NOUNS = ("king", "girl", "boy", "dog", "cat", "bird")
VERBS, ADVERBS = ("see", "chase", "hear", "feed", "follow", "like"), ("always", "never", "often", "seldom")
ALPHABET = tuple(sorted(set(" ".join([*NOUNS, *VERBS, *ADVERBS, "the s."]))))
BITS = 2 * np.log2(2 * len(NOUNS)) + np.log2(len(VERBS)) + 1 + np.log2(len(ADVERBS)) / 2  # of a sentence
SENTENCES, HELD, WINDOW, EPOCHS = 2000, 200, 32, 8


def sentence(rng: np.random.Generator) -> tuple[str, int]:
    """A sentence, every other with an adverb, and where its verb's stem ends."""
    subject, of = (f"{rng.choice(NOUNS)}{'s' * rng.integers(2)}" for _ in range(2))
    adverb = f" {rng.choice(ADVERBS)}" if rng.random() < 0.5 else ""
    start = f"the {subject}{adverb} {rng.choice(VERBS)}"
    return f"{start}{'' if subject.endswith('s') else 's'} the {of}. ", len(start)


def codes_of(text: str) -> NDArray[np.int64]:
    return np.array([ALPHABET.index(character) for character in text])


def windows(text: str) -> cr.Dataset:
    """Windows of the text as codes, and as targets the same, one character on."""
    codes, end = codes_of(text), (len(text) - 1) // WINDOW * WINDOW
    x, y = (codes[i : i + end].reshape(-1, WINDOW) for i in (0, 1))
    return cr.Dataset.of(x, y, classes=ALPHABET)


def baseline(train: str, held: str, order: int) -> float:
    """Bits per character of a unigram (order 0) or bigram (order 1) that starts every count at one."""
    counts = np.ones((len(ALPHABET),) * (order + 1))
    learned, asked = (tuple(sliding_window_view(codes_of(text), order + 1).T) for text in (train, held))
    np.add.at(counts, learned, 1)
    return float(-np.log2((counts / counts.sum(axis=-1, keepdims=True))[asked]).mean())


def trained(train: str, held: str, seed: int) -> tuple[cr.Model, list[float]]:
    """The model, and its bits per character on the held-out text after every epoch."""
    net = cr.Sequential(cr.Embedding(len(ALPHABET), 16), cr.LSTM(64, sequence=True), cr.Dense(len(ALPHABET)))
    settings: dict[str, Any] = {"optimizer": cr.Adam(0.01, clip_norm=1.0), "epochs": EPOCHS, "l2": 0.0, "seed": seed}
    settings["prepare"] = "none"  # characters are codes, not amounts
    with tempfile.TemporaryDirectory() as folder:
        run = cr.train(net, windows(train), validation=windows(held), test=None, folder=folder, **settings)
        return run.model, [row["validation/loss"] / np.log(2) for row in run.metrics]


def following(model: cr.Model, text: str) -> NDArray[Any]:
    """The probability of each character to come after the text."""
    return np.asarray(model.predict_proba(codes_of(text[-WINDOW:])[None])[0, -1])


def agreement(model: cr.Model, before: str, sentences: list[tuple[str, int]]) -> float:
    """How often the right one of "chase" and "chases" is the more probable, where an adverb stands before the verb."""
    right = []
    for text, end in sentences:
        if any(adverb in text for adverb in ADVERBS):
            chances = following(model, before + text[:end])
            right.append((chances[ALPHABET.index("s")] > chances[ALPHABET.index(" ")]) == (text[end] == "s"))
    return float(np.mean(right))


def draw(path: Path, curve: list[float], levels: dict[str, float], text: str, chances: NDArray[Any]) -> None:
    """The learning curve over the baselines; and how probable each character of a sentence was to the network."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.2), layout="constrained", width_ratios=(1, 1.7))
    left.plot(range(1, EPOCHS + 1), curve, marker="o", label="LSTM")
    for (name, bits), colour in zip(levels.items(), ("#808890", "#d55e00", "#009e73"), strict=True):
        left.axhline(bits, ls="--", color=colour, label=name)
    left.set(xlabel="epoch", ylabel="bits per character", ylim=(0, 4.2), title="sentences it never saw")
    left.legend(frameon=False, bbox_to_anchor=(1, 0.85))
    right.bar(range(len(text)), chances, color=plt.get_cmap("RdYlGn")(chances))
    right.set_xticks(range(len(text)), list(text.replace(" ", "_")), family="monospace")
    right.set(ylim=(0, 1), ylabel="probability", title="what it gave to each character, from those before it")
    figure.savefig(path, dpi=80)


def main(out: Path, seed: int = 0) -> float:
    """Bits per character on sentences from the same grammar that it never saw."""
    out.mkdir(parents=True, exist_ok=True)  # before the work, not after it
    rng = np.random.default_rng(seed)
    seen, new = ([sentence(rng) for _ in range(count)] for count in (SENTENCES, HELD))
    train, held = ("".join(text for text, _ in part) for part in (seen, new))
    model, curve = trained(train, held, seed)
    levels = {"unigram": baseline(train, held, 0), "bigram": baseline(train, held, 1)}
    levels["the grammar"] = BITS * HELD / len(held)
    text = next(text for text, _ in new if any(adverb in text for adverb in ADVERBS))
    chances = np.array([following(model, train + text[:i])[ALPHABET.index(c)] for i, c in enumerate(text)])
    draw(out / "example-character-rnn.png", curve, levels, text, chances)
    print(f"right form of the verb behind an adverb: {agreement(model, train, new):.1%}")
    for number in rng.random(150):  # it writes on, every character drawn from its probabilities
        train += ALPHABET[int(np.searchsorted(following(model, train).cumsum(), number))]
    print("writes:", train[-150:])
    print(", ".join(f"{name} {bits:.3f}" for name, bits in levels.items()), "bits per character")
    print(f"figure: bits per character {curve[-1]:.3f}")
    return curve[-1]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(), help="folder of the picture (default: here)")
    parser.add_argument("--seed", type=int, default=0)
    main(**vars(parser.parse_args()))
