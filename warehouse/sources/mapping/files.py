"""Which files a mapping reads: patterns matched below what was given, roles, and whether columns exist."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from warehouse.sources.mapping.rows import header, plain_name
from warehouse.sources.mapping.spec import Hash, Input, Lookup, MappingError, Spec, Value, tests_of
from warehouse.sources.mapping.tables import instead, listed


@dataclass(frozen=True)
class SourceFile:
    """A file in its role: ``<input or lookup>:<name relative to the folder>``."""

    role: str
    path: Path

    @property
    def block(self) -> str:
        """Name of the input or lookup."""
        return self.role.partition(":")[0]

    @property
    def name(self) -> str:
        """Name of the file as it was found."""
        return self.role.partition(":")[2]


def find(spec: Spec, paths: Iterable[Path]) -> dict[str, Path]:
    """Files below the given folders (or the given files) that the mapping reads, by role.

    A folder is searched for every input; a file is taken for the input whose pattern it matches. Lookups are
    looked for in the same folder.

    Raises
    ------
    MappingError
        When a file fits no input, an input finds no file, or a lookup is not there.
    """
    roles: dict[str, Path] = {}
    for given in paths:
        if not given.exists():
            raise MappingError("There is nothing at this path.", where=str(given))
        root = given if given.is_dir() else given.parent
        here = _files(root)
        wanted = here if given.is_dir() else {given.name: given}
        matched = [one for one in spec.inputs if _match(one.files, wanted)]
        if not matched:
            patterns = [pattern for one in spec.inputs for pattern in one.files]
            raise MappingError(
                f"No input of mapping {spec.name!r} reads this.",
                where=str(given),
                why=f"It looks for {listed(patterns)}; here: {listed(wanted)}.",
                todo="Give the folder that holds these files, or correct 'files' in the mapping.",
            )
        for one in matched:
            _add(roles, one.name, _match(one.files, wanted))
        if given.is_dir():
            _require(spec, [one for one in spec.inputs if one not in matched], given, here)
        for lookup in _lookups(spec, matched):
            found = _match(lookup.files, here)
            if not found:
                raise MappingError(
                    f"The file of lookup {lookup.name!r} is missing.",
                    where=str(root),
                    why=f"It looks for {listed(lookup.files)}; here: {listed(here)}.",
                )
            _add(roles, lookup.name, found)
    return dict(sorted(roles.items(), key=lambda item: _order(spec, item[0])))


def _order(spec: Spec, role: str) -> tuple[int, str]:
    names = [*(one.name for one in spec.inputs), *(one.name for one in spec.lookups)]
    block, _, name = role.partition(":")
    return names.index(block), name


def _files(root: Path) -> dict[str, Path]:
    return {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*")) if path.is_file()}


def _match(patterns: Iterable[str], files: Mapping[str, Path]) -> dict[str, Path]:
    def fits(name: str) -> bool:
        return any(
            pattern.count("/") == name.count("/")
            and (fnmatchcase(name, pattern) or fnmatchcase(plain_name(name), pattern))
            for pattern in patterns
        )

    return {name: path for name, path in files.items() if fits(name)}


def _add(roles: dict[str, Path], block: str, files: Mapping[str, Path]) -> None:
    for name, path in files.items():
        role = f"{block}:{name}"
        if role in roles and roles[role].resolve() != path.resolve():
            raise MappingError(
                f"Two folders have a file {name!r}.",
                where=f"{roles[role]} and {path}",
                todo="Take them in one after the other.",
            )
        roles[role] = path


def _require(spec: Spec, absent: Iterable[Input], given: Path, here: Mapping[str, Path]) -> None:
    for one in absent:
        if not one.optional:
            raise MappingError(
                f"Input {one.name!r} of mapping {spec.name!r} finds no file.",
                where=str(given),
                why=f"It looks for {listed(one.files)}; here: {listed(here)}.",
                todo="Add the file, or say optional = true in its [[input]].",
            )


def _lookups(spec: Spec, inputs: Iterable[Input]) -> list[Lookup]:
    used = {found.lookup for one in inputs for found in spec.lookups_of(one.name)}
    return [lookup for lookup in spec.lookups if lookup.name in used]


def ordered(spec: Spec, files: Mapping[str, Path]) -> list[SourceFile]:
    """Files by role in the order in which they are read, whatever order they came in."""
    known = {*(one.name for one in spec.inputs), *(one.name for one in spec.lookups)}
    for role in files:
        if role.partition(":")[0] not in known:
            raise MappingError(f"The mapping has no input or lookup for {role!r}.", where=spec.file)
    return [SourceFile(role, files[role]) for role in sorted(files, key=lambda role: _order(spec, role))]


def check_columns(spec: Spec, files: Iterable[SourceFile]) -> None:
    """Whether every column that the mapping names is in its file.

    Raises
    ------
    MappingError
        With block, key and file, and the columns that the file has.
    """
    columns: dict[str, list[str]] = {}
    for file in files:
        lookup = next((one for one in spec.lookups if one.name == file.block), None)
        reading = lookup.reading if lookup else spec.input(file.block).reading
        names = header(file.path, file.name, reading)
        if names is None:
            continue
        columns[file.block] = names
        if lookup:
            _known(lookup.key, names, file.name, f'{spec.file}, [[lookup]] "{lookup.name}", key key')
        else:
            _check_input(spec, spec.input(file.block), names, file.name)
    for name in columns:
        for found in spec.lookups_of(name) if name in {one.name for one in spec.inputs} else []:
            if found.lookup in columns:
                _known(
                    [found.column],
                    columns[found.lookup],
                    found.lookup,
                    f"{spec.file}, lookup {found.lookup!r}",
                )


def _check_input(spec: Spec, one: Input, names: list[str], file: str) -> None:
    known = list(names)
    for name, value in one.computed:
        if name in names:
            raise MappingError(
                f"The computed column {name!r} is already in the file {file}.",
                where=value.where,
                todo="Give it another name.",
            )
        _known(value.columns(), known, file, value.where)
        known.append(name)
    values: list[Value] = [test.value for test in tests_of(one.when)]
    for event in spec.events_of(one.name):
        values += [value for _, value in event.values()]
        values += [test.value for test in tests_of(event.when)]
    for value in values:
        if not (isinstance(value.take, Hash) and not value.take.columns):
            _known(value.columns(), known, file, value.where)


def _known(wanted: Iterable[str], known: list[str], file: str, where: str) -> None:
    for name in sorted(wanted):
        if name in known:
            continue
        why = "" if len(known) > 1 else "It has a single column: the delimiter may be another one."
        raise MappingError(f"There is no column {name!r} in {file}.", where=where, why=why, todo=instead(name, known))
