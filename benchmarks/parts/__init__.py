"""What is measured: a module each, with `measure`, which gives plain data, and `show`, which makes text of it."""

from . import drop_in, epochs, first, imports, memory, predict, seeing, steps, sweeps, threads, watching

PARTS = {
    "steps": steps,
    "predict": predict,
    "epochs": epochs,
    "drop-in": drop_in,
    "memory": memory,
    "import": imports,
    "first": first,
    "threads": threads,
    "seeing": seeing,
    "watching": watching,
    "sweeps": sweeps,
}
