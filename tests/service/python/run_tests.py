"""run_tests.py [NAME...]: runs test_*.py of this directory, or these tests. Prints why tests are skipped."""

import pathlib
import sys
import unittest

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here))
names = sys.argv[1:]
loader = unittest.defaultTestLoader
tests = loader.loadTestsFromNames(names) if names else loader.discover(str(here))
result = unittest.TextTestRunner(verbosity=2).run(tests)
for reason in sorted({reason for _, reason in result.skipped}):
    print(reason)
sys.exit(not result.wasSuccessful())
