"""Finding the one of a list that a person meant, and the nearest when there is none. Pure.

Model lists come from servers on other systems (``\\`` against ``/``), from folders that only the
operator knows, with extensions that nobody types.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from rapidfuzz import fuzz, process

MODEL_SUFFIXES = (".safetensors", ".sft", ".ckpt", ".pth", ".pt", ".bin", ".gguf", ".onnx")

_PRECISION = re.compile(
    r"(fp|bf|int|nf)\d+|q\d\w*|e4m3fn|e5m2|scaled|mixed|fast|half|full|pruned|emaonly|ema"
)

NEAR = 60.0
"""Similarity (0 to 100) from which a name is worth a "did you mean"."""

T = TypeVar("T")


class AmbiguousChoice(Exception):
    """Several of the list fit equally well. ``candidates`` are they, as written in the list."""

    def __init__(self, candidates: tuple[str, ...]) -> None:
        super().__init__(", ".join(candidates))
        self.candidates = candidates


def find(wanted: str, choices: Iterable[T]) -> T | None:
    """The choice that ``wanted`` names, or None.

    Tried in turn, each only when it fits exactly one: the same text; the same but for case and kind of
    slash; the same without a model file's extension; the last part of a path (``dev.safetensors`` for
    ``flux/dev.safetensors``), with or without its extension.

    Raises :class:`AmbiguousChoice` when one of these fits several.
    """
    listed = tuple(choices)
    for form in (str, _plain, _stem):
        if fitting := _fitting(wanted, listed, form, str.__eq__):
            return fitting[0]
    for form in (_plain, _stem):
        if fitting := _fitting(wanted, listed, form, _is_tail):
            return fitting[0]
    return None


def nearest(wanted: str, choices: Iterable[object], cutoff: float = NEAR) -> str | None:
    """The most similar choice, for "did you mean"; None when nothing is close."""
    listed = [str(choice) for choice in choices]
    hit = process.extractOne(wanted, listed, scorer=fuzz.WRatio, processor=_stem, score_cutoff=cutoff)
    return hit[0] if hit else None


def variant(wanted: str, choices: Iterable[T]) -> T | None:
    """Another file of the same model: the same name but for words that tell how its numbers are stored
    (``t5xxl_fp8_e4m3fn`` for ``t5xxl_fp16``). None when there is none."""
    words = _model_words(wanted)
    return next((choice for choice in choices if words and _model_words(str(choice)) == words), None)


def _model_words(name: str) -> list[str]:
    words = re.split(r"[_\-. ]+", _stem(name).rpartition("/")[2])
    return [word for word in words if not _PRECISION.fullmatch(word)]


def _fitting(
    wanted: str, listed: Sequence[T], form: Callable[[str], str], fits: Callable[[str, str], bool]
) -> list[T]:
    mine = form(wanted)
    fitting = [choice for choice in listed if fits(form(str(choice)), mine)]
    if len({str(choice) for choice in fitting}) > 1:
        raise AmbiguousChoice(tuple(str(choice) for choice in fitting))
    return fitting


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).replace("\\", "/").strip().casefold()


def _stem(name: str) -> str:
    plain = _plain(name)
    return next((plain.removesuffix(s) for s in MODEL_SUFFIXES if plain.endswith(s)), plain)


def _is_tail(path: str, tail: str) -> bool:
    return bool(tail) and path.endswith("/" + tail)
