"""What disks, power cuts and people do to a work file and its write-ahead log."""

import random
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[Path, random.Random], None]


def _edit(path: Path, change: Callable[[bytearray], None]) -> None:
    if path.exists() and path.stat().st_size:
        content = bytearray(path.read_bytes())
        change(content)
        path.write_bytes(bytes(content))


def truncate(path: Path, rng: random.Random) -> None:
    _edit(path, lambda content: content.__delitem__(slice(rng.randrange(len(content)), None)))


def empty(path: Path, rng: random.Random) -> None:
    path.write_bytes(b"")


def delete(path: Path, rng: random.Random) -> None:
    path.unlink(missing_ok=True)


def flip_bits(path: Path, rng: random.Random) -> None:
    def flip(content: bytearray) -> None:
        for _ in range(rng.choice([1, 20])):
            place = rng.randrange(len(content) * 8)
            content[place // 8] ^= 1 << (place % 8)

    _edit(path, flip)


def zero_a_stretch(path: Path, rng: random.Random) -> None:
    def zero(content: bytearray) -> None:
        start = rng.randrange(len(content))
        length = min(rng.choice([512, 4096, 262_144]), len(content) - start)
        content[start : start + length] = bytes(length)

    _edit(path, zero)


def tear_metadata(path: Path, rng: random.Random) -> None:
    """Do what a power cut does to the block that each checkpoint rewrites in place."""

    def tear(content: bytearray) -> None:
        start = 12_288 + 4096 * rng.randrange(1, 60)
        end = min(12_288 + 262_144, len(content))
        content[start:end] = bytes(max(0, end - start))

    _edit(path, tear)


def overwrite(path: Path, rng: random.Random) -> None:
    path.write_bytes(rng.randbytes(rng.randrange(1, 300_000)))


DAMAGES: tuple[Damage, ...] = (truncate, empty, delete, flip_bits, zero_a_stretch, tear_metadata, overwrite)


def strike(work_file: Path, rng: random.Random) -> str:
    """Damage the work file or its log, and say how."""
    log = work_file.with_name(work_file.name + ".wal")
    path = log if log.exists() and rng.random() < 0.4 else work_file
    damage = rng.choice(DAMAGES)
    if path.exists():
        damage(path, rng)
    return f"{damage.__name__} of {path.name}"
