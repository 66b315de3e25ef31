"""Inputs as JSON, results as values of Python, and arrays. No server."""

import dataclasses
import enum
import json
import math
import pathlib
import tempfile
import unittest

from farm_client.arrays import ArrayFile, ArrayHandle
from farm_client.errors import BadRequest, NoServer, TaskCancelled, TaskFailed, error_of
from farm_client.values import Encoder, decoder_of, guess, with_arrays

try:
    import h5py
    import numpy
except ImportError:
    h5py = numpy = None


def encoded(value):
    return json.loads(Encoder(lambda array: {"file": "x"}).encode(value))


def decoded(name, value):
    decode = decoder_of(name)
    return decode(value) if decode else value


class Inputs(unittest.TestCase):
    def test_what_json_can_say_stays_as_it_is(self):
        value = {"a": [1, 2.5, "x", None, True], "b": {"c": []}}
        self.assertEqual(encoded(value), value)
        self.assertEqual(encoded((1, "a")), [1, "a"])

    def test_a_line_has_no_line_break(self):
        self.assertNotIn("\n", Encoder(dict).encode("a\nb"))

    def test_numbers_that_json_lacks_are_farms_words(self):
        self.assertEqual(encoded([math.nan, {"x": math.inf}, -math.inf]), ["nan", {"x": "inf"}, "-inf"])
        self.assertEqual(encoded("NaN and Infinity"), "NaN and Infinity")

    def test_other_values_become_what_they_stand_for(self):
        @dataclasses.dataclass
        class Point:
            x: float
            y: float

        class Colour(enum.Enum):
            red = 3

        self.assertEqual(encoded(Point(0.5, math.nan)), {"x": 0.5, "y": "nan"})
        self.assertEqual(encoded(Colour.red), 3)
        self.assertEqual(encoded(1 + 2j), [1, 2])
        self.assertEqual(encoded({3, 1, 2}), [1, 2, 3])
        self.assertEqual(encoded(range(3)), [0, 1, 2])
        self.assertEqual(encoded(pathlib.Path("/a")), "/a")
        self.assertEqual(encoded(b"text"), "text")
        self.assertEqual(encoded(b"\xff\xfe"), {"base64": "//4="})

    def test_what_has_no_json_is_refused(self):
        with self.assertRaisesRegex(TypeError, "object cannot be an input"):
            encoded([object()])

    @unittest.skipUnless(numpy, "skipped: NumPy is not installed")
    def test_scalars_of_numpy_are_numbers(self):
        values = [numpy.int64(3), numpy.float32(0.5), numpy.bool_(True), numpy.float64("nan"), numpy.float32("inf")]
        self.assertEqual(encoded(values), [3, 0.5, True, "nan", "inf"])
        self.assertEqual(encoded(numpy.complex64(1 + 2j)), [1, 2])
        self.assertEqual(encoded(numpy.array(7)), 7)
        self.assertEqual(encoded(numpy.array([True, False])), [True, False])

    def test_a_handle_is_an_input(self):
        handle = ArrayHandle("/a/b.h5", "/u", (3,), "float64")
        self.assertEqual(encoded([handle]), [{"file": "/a/b.h5", "dataset": "/u"}])
        small = ArrayHandle("", "", (2,), "float64", [0.5, math.nan])
        self.assertEqual(encoded(small), {"values": [0.5, "nan"], "extents": [2]})


@unittest.skipUnless(h5py, "skipped: arrays: NumPy or h5py is not installed")
class Arrays(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.path = pathlib.Path(scratch.name) / "arrays" / "a.h5"
        self.file = ArrayFile(self.path)

    def put(self, array):
        stands = Encoder(self.file.put).encode(array)
        self.file.publish()
        return json.loads(stands)

    def test_an_array_goes_through_a_file(self):
        array = numpy.arange(12.0).reshape(3, 4)
        stands = self.put({"field": array})["field"]
        self.assertEqual(stands["file"], str(self.path))
        found = ArrayHandle(stands["file"], stands["dataset"], (3, 4), "float64").read()
        self.assertTrue(numpy.array_equal(found, array))
        found[0, 0] = 9
        with h5py.File(self.path) as file:
            self.assertEqual(file[stands["dataset"]][0, 0], 0)

    def test_every_kind_of_array_comes_back(self):
        arrays = [
            numpy.arange(10)[::2],
            numpy.arange(6, dtype=">i4").reshape(2, 3).T,
            numpy.array([1 + 2j, 3]),
            numpy.zeros((0, 3)),
            numpy.float32([[numpy.nan]]),
        ]
        for array, stands in zip(arrays, self.put(arrays)):
            found = ArrayHandle(stands["file"], stands["dataset"]).read()
            self.assertTrue(numpy.array_equal(found, array, equal_nan=True), array)
            self.assertEqual(found.shape, array.shape)

    def test_one_object_in_many_inputs_of_a_list_is_written_once(self):
        field = numpy.zeros(1000)
        encoder = Encoder(self.file.put, stable=True)
        lines = {encoder.encode([field, i])[:80].split(",")[1] for i in range(10)}
        self.file.publish()
        with h5py.File(self.path) as file:
            self.assertEqual(len(file), 1)
        self.assertEqual(len(lines), 1)

    def test_an_array_that_a_generator_fills_again_and_again_is_written_each_time(self):
        buffer = numpy.zeros(3)
        encoder = Encoder(self.file.put)
        handles = []
        for i in range(3):
            buffer[:] = i
            handles.append(json.loads(encoder.encode(buffer)))
        self.file.publish()
        values = [ArrayHandle(each["file"], each["dataset"]).read()[0] for each in handles]
        self.assertEqual(values, [0, 1, 2])

    def test_nothing_is_left_of_a_file_that_is_discarded(self):
        self.file.put(numpy.zeros(3))
        self.file.discard()
        self.assertEqual(list(self.path.parent.iterdir()), [])

    def test_a_dataset_of_h5py_stays_where_it_is(self):
        path = self.path.parent.parent / "mine.h5"
        with h5py.File(path, "w") as file:
            file["/group/u"] = numpy.arange(3.0)
            self.assertEqual(
                json.loads(Encoder(self.file.put).encode(file["/group/u"])), {"file": str(path), "dataset": "/group/u"}
            )

    def test_a_file_that_is_gone_is_one_line(self):
        with self.assertRaisesRegex(Exception, r"^the array /nowhere.h5:/u cannot be read here: .*$"):
            ArrayHandle("/nowhere.h5", "/u").read()

    def test_an_array_in_its_handle_is_read_too(self):
        handle = decoded("array of double", {"values": [1, "nan", 3, 4], "extents": [2, 2]})
        self.assertTrue(numpy.array_equal(handle.read(), [[1, numpy.nan], [3, 4]], equal_nan=True))
        handle = decoded("array of complex", {"values": [[1, 2], [3, "inf"]], "extents": [2]})
        self.assertEqual(handle.read()[0], 1 + 2j)
        self.assertEqual(decoded("array of unsigned", {"values": [7], "extents": [1]}).read().dtype, numpy.uint32)
        self.assertEqual(numpy.asarray(handle).shape, (2,))

    def test_handles_inside_of_a_result_become_arrays(self):
        stands = self.put([numpy.arange(3.0)])[0]
        result = decoded("(int, array of double)", [1, {**stands, "extents": [3]}])
        self.assertEqual(result[1].shape, (3,))
        self.assertEqual(with_arrays({"a": [result]})["a"][0][1].sum(), 3)


class Results(unittest.TestCase):
    def test_the_type_of_the_function_decides(self):
        self.assertTrue(math.isnan(decoded("double", "nan")))
        self.assertEqual(decoded("string", "nan"), "nan")
        self.assertEqual(decoded("(int, int)", [1, 2]), (1, 2))
        self.assertEqual(decoded("list of (double, string)", [["inf", "inf"]]), [(math.inf, "inf")])
        self.assertEqual(decoded("list of 3 double", [1, "inf", 2]), [1, math.inf, 2])
        self.assertEqual(decoded("complex", [1, "-inf"]), complex(1, -math.inf))
        self.assertEqual(decoded("object of double", {"a": "inf"}), {"a": math.inf})
        self.assertEqual(
            decoded("{double x, list of string names}", {"x": "inf", "names": ["inf"]}),
            {"x": math.inf, "names": ["inf"]},
        )
        self.assertEqual(decoded("string", {"base64": "//4="}), b"\xff\xfe")
        self.assertEqual(decoded("object of int", [[{"base64": "//4="}, 3]]), {b"\xff\xfe": 3})
        self.assertEqual(decoded("int", 2**63), 2**63)

    def test_null_stays_null(self):
        for name in (
            "double or null",
            "list of double or null",
            "complex or null",
            "array of double",
            "(int, int) or null",
        ):
            self.assertIsNone(decoded(name, None), name)
        self.assertEqual(decoded("list of double or null", [1.5, None]), [1.5, None])

    def test_without_a_type_arrays_are_found(self):
        found = guess({"u": [{"file": "/a.h5", "dataset": "/u", "extents": [2]}], "s": "nan"})
        self.assertEqual(found, {"u": [ArrayHandle("/a.h5", "/u", (2,))], "s": "nan"})


class Errors(unittest.TestCase):
    def test_an_error_tells_where_and_what(self):
        error = error_of(
            {
                "state": "failed",
                "job": 5,
                "task": 2,
                "error": {"type": "std::out_of_range", "text": "row 12", "rank": 1, "host": "a"},
            }
        )
        self.assertIsInstance(error, TaskFailed)
        self.assertEqual(str(error), "task 5.2, rank 1 on a: std::out_of_range: row 12")
        self.assertEqual(
            (error.type, error.text, error.rank, error.host, error.task), ("std::out_of_range", "row 12", 1, "a", "5.2")
        )
        self.assertIsInstance(error_of({"state": "cancelled", "job": 5, "task": 2}), TaskCancelled)

    def test_errors_can_be_pickled(self):
        import pickle

        for error in (
            TaskFailed("a", "b", 1, "c", "5.2"),
            TaskCancelled("a", "5.2"),
            BadRequest("a", 404, "b"),
            NoServer("a"),
        ):
            copy = pickle.loads(pickle.dumps(error))
            self.assertEqual((str(copy), copy.__dict__), (str(error), error.__dict__))


if __name__ == "__main__":
    unittest.main()
