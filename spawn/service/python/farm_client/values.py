"""Values of Python as the JSON of farm's inputs, and results back. JSON has no NaN and no infinities: in farm they are
the strings "nan", "inf" and "-inf". A string that is not UTF-8 is {"base64": "..."}."""

from __future__ import annotations

import base64
import dataclasses
import enum
import json
import math
import numbers
import os
import sys
from collections import abc
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Tuple

from .arrays import ArrayHandle

Decode = Callable[[Any], Any]


class Encoder:
    """Writes inputs as lines of JSON. `put_array` is given NumPy arrays of numbers, and returns what stands for them.

    With `stable`, an object that was put once is the same array when it comes again: this is so if all inputs are there
    at the same time, but not if a generator fills one array again and again."""

    def __init__(self, put_array: Callable[[Any], Dict[str, Any]], stable: bool = False) -> None:
        self._put_array = put_array
        self._stable = stable
        self._put: Dict[int, Tuple[Any, Dict[str, Any]]] = {}  # by identity; kept, so that it stays its own
        self._json = json.JSONEncoder(separators=(",", ":"), default=self._plain)

    def encode(self, value: Any) -> str:
        """Returns the value as one line of JSON. Raises TypeError if it has none."""
        text = self._json.encode(value)
        if "NaN" in text or "Infinity" in text:  # perhaps in a string only
            text = self._json.encode(_finite(value))
        if not self._stable:
            self._put.clear()
        return text

    def _plain(self, value: Any) -> Any:
        """Returns what JSON can say in place of a value that it cannot."""
        array = self._array(value)
        return _finite(_simpler(value)) if array is None else array

    def _array(self, value: Any) -> Optional[Dict[str, Any]]:
        if isinstance(value, ArrayHandle):
            return dict(_finite(value.to_json()))
        if _is_numbers(value):
            if id(value) not in self._put:
                self._put[id(value)] = (value, self._put_array(value))
            return self._put[id(value)][1]
        h5py = sys.modules.get("h5py")
        if h5py is not None and isinstance(value, h5py.Dataset):
            value.file.flush()
            return {"file": os.path.abspath(value.file.filename), "dataset": value.name}
        return None


def _is_numbers(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray) and value.ndim > 0 and value.dtype.kind in "iufc"


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value


def _simpler(value: Any) -> Any:
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    if isinstance(value, numbers.Complex):
        return [float(value.real), float(value.imag)]
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (bytes, bytearray)):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, abc.Mapping):
        return dict(value)
    if isinstance(value, abc.Set):
        return sorted(value)
    if isinstance(value, abc.Sequence):
        return list(value)
    if hasattr(value, "tolist"):  # of NumPy: truth values, texts, an array without axes
        return value.tolist()
    raise TypeError(f"{value!r} of the type {type(value).__name__} cannot be an input: JSON has nothing for it")


_ELEMENTS = {
    "double": "float64",
    "float": "float32",
    "int": "int32",
    "unsigned": "uint32",
    **{name: name for name in ("int8", "int16", "int64", "uint8", "uint16", "uint64")},
}


def decoder_of(name: str) -> Optional[Decode]:
    """Returns what makes a value of Python of a result of this type, named as in `farm tasks`: "(int, list of double)".
    Returns None if JSON's own value is it."""
    if name.endswith(" or null"):  # every decoder leaves null as it is
        return decoder_of(name[: -len(" or null")])
    if name in ("double", "float"):
        return _real
    if name == "complex":
        return _complex
    if name in ("string", "path"):
        return _string
    if name.startswith("list of "):
        item = decoder_of(name[len("list of ") :].lstrip("0123456789").lstrip())
        return None if item is None else partial(_list, item)
    if name.startswith("object of "):
        return partial(_object, decoder_of(name[len("object of ") :]))
    if name.startswith("array of "):
        return partial(_array, name[len("array of ") :])
    if name.startswith("(") and name.endswith(")"):
        return partial(_tuple, [decoder_of(part) for part in _parts(name[1:-1])])
    if name.startswith("{") and name.endswith("}"):
        return partial(_members, dict(_member(part) for part in _parts(name[1:-1])))
    return None


def guess(value: Any) -> Any:
    """Returns a result of which no type is known: only arrays are found in it."""
    if isinstance(value, list):
        return [guess(item) for item in value]
    if isinstance(value, dict):
        if set(value) in ({"file", "dataset", "extents"}, {"values", "extents"}):
            return _array("", value)
        return {key: guess(item) for key, item in value.items()}
    return value


def with_arrays(value: Any) -> Any:
    """Returns the value with NumPy arrays in place of handles."""
    if isinstance(value, ArrayHandle):
        return value.read()
    if isinstance(value, list):
        return [with_arrays(item) for item in value]
    if isinstance(value, tuple):
        return tuple(with_arrays(item) for item in value)
    if isinstance(value, dict):
        return {key: with_arrays(item) for key, item in value.items()}
    return value


def _parts(text: str) -> List[str]:
    """Splits at commas that are in no brackets."""
    parts, begin, depth = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "({") - (c in ")}")
        if c == "," and depth == 0:
            parts.append(text[begin:i].strip())
            begin = i + 1
    return [*parts, text[begin:].strip()] if text.strip() else []


def _member(text: str) -> Tuple[str, Optional[Decode]]:
    type_name, _, name = text.rpartition(" ")
    return name, decoder_of(type_name)


def _real(value: Any) -> Any:
    return value if value is None else float(value)


def _complex(value: Any) -> Any:
    return value if value is None else complex(float(value[0]), float(value[1]))


def _string(value: Any) -> Any:
    return base64.b64decode(value["base64"]) if isinstance(value, dict) else value


def _list(items: Decode, value: Any) -> Any:
    return value if value is None else [items(item) for item in value]


def _object(items: Optional[Decode], value: Any) -> Any:
    if isinstance(value, list):  # its names are not UTF-8
        return {_string(name): items(item) if items else item for name, item in value}
    return value if value is None or items is None else {name: items(item) for name, item in value.items()}


def _tuple(parts: List[Optional[Decode]], value: Any) -> Any:
    if not isinstance(value, list) or len(value) != len(parts):
        return value
    return tuple(part(item) if part else item for part, item in zip(parts, value))


def _members(members: Dict[str, Optional[Decode]], value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    decoded = {}
    for name, item in value.items():
        decode = members.get(name)
        decoded[name] = decode(item) if decode else item
    return decoded


def _array(element: str, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    values = value.get("values")
    if values is not None:
        decode = decoder_of(element)
        values = [decode(item) for item in values] if decode else list(values)
    return ArrayHandle(
        value.get("file", ""), value.get("dataset", ""), tuple(value["extents"]), _ELEMENTS.get(element), values
    )
