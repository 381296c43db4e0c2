"""ProblemSet: an ordered set of problems that is built lazily, can be split, and has a hash."""

from __future__ import annotations

import difflib
import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from codegym.envs.errors import OptionError, unknown
from codegym.envs.problems.problem import Problem

NO_SPLIT = ""


@dataclass(frozen=True)
class Source:
    """Where a set of problems comes from: the list of uris is cheap, a problem is built when it is asked for.

    Attributes:
        name: the part of every uri before the first slash.
        spec: the text that `load_problems` turns into this set ("humaneval", "jsonl:PATH").
        splits: uris per split, in order; one entry under "" for a set without splits.
        build: makes the problem of a uri.
        digest: sha256 (hex) of everything that decides the problems' content.
        licence: licence of the problems.
        note: one line about the set for `codegym problems list`.
    """

    name: str
    spec: str
    splits: Mapping[str, Sequence[str]]
    build: Callable[[str], Problem]
    digest: Callable[[], str]
    licence: str = ""
    note: str = ""


@dataclass(frozen=True)
class _Listed:
    problems: tuple[Problem, ...] = field(repr=False)

    def digest(self) -> str:
        from codegym.envs.problems.record import to_record

        text = "\n".join(json.dumps(to_record(problem), sort_keys=True) for problem in self.problems)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class ProblemSet(Sequence[Problem]):
    """Problems in a fixed order, indexed by number or uri.

    Building a set builds no problem; `problems[uri]` builds that one alone. A set is a value: it copies to itself and
    pickles by its `spec`.

    Args:
        source: where the problems come from.
        split: keep this split alone; None keeps all.
    """

    def __init__(self, source: Source, split: str | None = None) -> None:
        self._source = source
        self._build = functools.lru_cache(maxsize=32_768)(source.build)  # all katas
        if split is not None and split not in self._split_names():
            raise unknown(f"split of {source.spec!r}:", split, self._split_names() or ("(it has none)",))
        self.split_name = split
        chosen = source.splits.values() if split is None else [source.splits[split]]
        self.uris: Sequence[str] = tuple(uri for part in chosen for uri in part)

    @classmethod
    def of(cls, problems: Iterable[Problem], name: str = "problems") -> ProblemSet:
        """A set of given problems.

        Raises:
            OptionError: if two of them have one uri.
        """
        listed = _Listed(tuple(problems))
        by_uri = {problem.uri: problem for problem in listed.problems}
        if len(by_uri) != len(listed.problems):
            seen: set[str] = set()
            twice = next(p.uri for p in listed.problems if p.uri in seen or seen.add(p.uri))  # type: ignore[func-returns-value]
            raise OptionError(f"Two problems have the uri {twice!r}; a set needs each uri once.")
        licences = sorted({problem.licence for problem in listed.problems if problem.licence})
        source = Source(
            name, name, {NO_SPLIT: tuple(by_uri)}, by_uri.__getitem__, listed.digest, licence=", ".join(licences)
        )
        made = cls(source)
        made._listed = listed.problems
        return made

    _listed: tuple[Problem, ...] | None = None

    def _split_names(self) -> tuple[str, ...]:
        return tuple(name for name in self._source.splits if name != NO_SPLIT)

    @property
    def name(self) -> str:
        """Name of the set, the part of every uri before the first slash."""
        return self._source.name

    @property
    def spec(self) -> str:
        """The text that `load_problems` turns into this set; of a split "SPEC[SPLIT]"."""
        return self._source.spec if self.split_name is None else f"{self._source.spec}[{self.split_name}]"

    @property
    def licence(self) -> str:
        """Licence of the problems, or "" where unknown."""
        return self._source.licence

    @property
    def note(self) -> str:
        """One line about the set, or ""."""
        return self._source.note

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits it can be divided into; none if it has none or is one itself."""
        return self._split_names() if self.split_name is None else ()

    def split(self, name: str) -> ProblemSet:
        """The problems of one split.

        Raises:
            OptionError: if there is no such split.
        """
        if name == self.split_name:
            return self
        if self.split_name is not None:
            raise unknown(f"split of {self.spec!r}:", name, (self.split_name,))
        return ProblemSet(self._source, name)

    def default_split(self, purpose: Literal["train", "test"]) -> ProblemSet:
        """The split for training or testing where the set has it, otherwise the whole set."""
        return self.split(purpose) if purpose in self.splits else self

    @functools.cached_property
    def sha256(self) -> str:
        """Hash (64 hex digits) of the problems' content and order."""
        text = "\n".join([self._source.digest(), *self.uris])
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    @functools.cached_property
    def _members(self) -> frozenset[str]:
        return frozenset(self.uris)

    def __len__(self) -> int:
        return len(self.uris)

    def __getitem__(self, key: Any) -> Any:
        """The problem at a position or of a uri; a slice gives a set of those problems.

        Raises:
            IndexError: for a number out of range.
            OptionError: for a uri that is not in the set.
        """
        if isinstance(key, slice):
            return ProblemSet.of([self._build(uri) for uri in self.uris[key]], self.name)
        if not isinstance(key, str):
            return self._build(self.uris[key])
        if key not in self._members:
            near = difflib.get_close_matches(key, self.uris if len(self) <= 2000 else self.uris[:2000], n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise OptionError(f"No problem {key!r} in {self.spec!r} ({len(self)} problems).{hint}")
        return self._build(key)

    def __iter__(self) -> Iterator[Problem]:
        return (self._build(uri) for uri in self.uris)

    def __contains__(self, item: object) -> bool:
        return (item.uri if isinstance(item, Problem) else item) in self._members

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ProblemSet) and (self is other or self.sha256 == other.sha256)

    def __hash__(self) -> int:
        return hash((self.spec, len(self)))

    def __repr__(self) -> str:
        return f"ProblemSet({self.spec!r}, {len(self)} problems)"

    def __deepcopy__(self, memo: dict[int, Any]) -> ProblemSet:
        return self

    def __copy__(self) -> ProblemSet:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        if self._listed is not None:
            return (ProblemSet.of, (self._listed, self.name))
        from codegym.envs.problems.catalog import load_problems

        return (load_problems, (self.spec,))
