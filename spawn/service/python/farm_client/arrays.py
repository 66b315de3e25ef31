"""Arrays as arguments and results: datasets of HDF5 files. Their elements never pass through JSON."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Sequence, Tuple

from .errors import FarmError


def module(name: str) -> Any:
    """Returns numpy or h5py; None if it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


@dataclass(frozen=True)
class ArrayHandle:
    """An array that lies in a dataset of a file; a small one has its elements, in row-major order, in `values`. It can
    be an input of further tasks, which then read it where it is. `dtype` is NumPy's name, or None if it is unknown."""

    file: str
    dataset: str
    shape: Tuple[int, ...] = ()
    dtype: Optional[str] = None
    values: Optional[Sequence[Any]] = None

    def read(self) -> Any:
        """Returns a NumPy array. Its elements are mapped, if the file holds them as memory does: they are read when
        they are used, and what is written to the array does not change the file."""
        numpy, h5py = module("numpy"), module("h5py")
        if numpy is None or (h5py is None and self.values is None):
            raise FarmError("arrays need numpy and h5py: install python3-h5py, or use the ArrayHandle")
        if self.values is not None:
            return numpy.array(self.values, self.dtype).reshape(self.shape)
        try:
            with h5py.File(self.file, "r") as file:
                dataset = file[self.dataset]
                offset = dataset.id.get_offset()
                if offset is None or dataset.chunks or dataset.external or not dataset.dtype.isnative:
                    return dataset[...]  # it is not one piece of the file, or it is empty
                dtype, shape = dataset.dtype, dataset.shape
            return numpy.memmap(self.file, dtype, "c", offset, shape).view(numpy.ndarray)
        except (OSError, KeyError) as error:
            raise FarmError(f"the array {self.file}:{self.dataset} cannot be read here: {error}") from None

    def __array__(self, dtype: Any = None) -> Any:
        array = self.read()
        return array if dtype is None else array.astype(dtype)

    def to_json(self) -> Dict[str, Any]:
        """Returns what stands for the array in an input."""
        if self.values is not None:
            return {"values": list(self.values), "extents": list(self.shape)}
        return {"file": os.path.abspath(self.file), "dataset": self.dataset}


def can_read() -> bool:
    """Returns True if results are NumPy arrays rather than handles."""
    return module("numpy") is not None and module("h5py") is not None


class ArrayFile:
    """A file for the arrays of one submission, which is made when there is the first one. It has its name, and is on
    disk, from publish() on; discard() removes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_name(path.name + ".part")
        self._file: Any = None
        self._count = 0

    def put(self, array: Any) -> Dict[str, Any]:
        """Writes a NumPy array, and returns what stands for it in an input."""
        if self._file is None:
            h5py = module("h5py")
            if h5py is None:
                raise FarmError("NumPy arrays as inputs need h5py: install python3-h5py")
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = h5py.File(self._part, "w")
        name = f"/{self._count}"
        self._count += 1
        self._file.create_dataset(name, data=array)
        return {"file": os.path.abspath(self.path), "dataset": name}

    def publish(self) -> None:
        """Gives the file its name, after all is on disk."""
        if self._file is None:
            return
        self._file.close()
        self._file = None
        _sync(self._part)
        self._part.rename(self.path)
        _sync(self.path.parent)

    def discard(self) -> None:
        """Removes the file, if there is one."""
        if self._file is not None:
            self._file.close()
            self._file = None
        for path in (self._part, self.path):
            if self._count and path.exists():
                path.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
