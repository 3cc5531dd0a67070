"""How much a test of many random cases takes on."""

import os


def examples(count: int) -> int:
    """Return how many examples to try: all of them in CI, a quarter every day."""
    return count if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else count // 4
