"""What native/module.cpp declares."""

def cpu_features() -> list[str]: ...
def threads() -> int: ...
def paths() -> list[str]:
    """The paths that can run here, best first."""

def peak_gflops(path: str, threads: int) -> float:
    """GFLOP/s; ValueError for a path that cannot run here and for threads < 1."""
