"""The peers: one module each, which builds a network from a work's description and runs it in its own process.

A module has `SIDES`, which makes a Runner of (work, arrays, batches, threads) for each name. `MODULES` says which module a
name stands in, without importing it.
"""

MODULES = {
    "chainrule": "chainrule",
    "chainrule-train": "chainrule",
    "chainrule-peek": "chainrule",
    "chainrule-probe": "chainrule",
    "chainrule-predict": "chainrule",
    "torch": "torch",
    "torch-channels-last": "torch",
    "torch-compile": "torch",
    "torch-predict": "torch",
    "jax": "jax",
    "jax-predict": "jax",
    "onnxruntime": "onnx",
    "sklearn": "sklearn",
    "chainrule-epochs": "chainrule",
}

WAITS = {"torch", "onnx"}  # their threads can wait for work awake or asleep: which is faster here is tried out
