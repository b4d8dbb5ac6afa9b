"""Named random streams: one generator per name, so that a new one never reshuffles the others.

Distributions and effect sizes do not belong here; they are drawn where they are used.
"""

import hashlib

import numpy as np


class Streams:
    """Random generators by name, all derived from one seed.

    Parameters
    ----------
    seed
        The sample's seed; equal seeds give equal streams on every platform and in every process.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._given: set[str] = set()

    def __call__(self, name: str) -> np.random.Generator:
        """Return the generator of ``name``.

        Raises
        ------
        ValueError
            The name was asked for before: two users of one stream would draw the same numbers.
        """
        if name in self._given:
            raise ValueError(f"the random stream {name!r} is in use already")
        self._given.add(name)
        words = np.frombuffer(hashlib.sha256(name.encode()).digest(), dtype="<u4")
        return np.random.default_rng(np.random.SeedSequence(self._seed, spawn_key=tuple(int(word) for word in words)))
