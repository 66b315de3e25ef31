# Recipe for Spack 0.23 and later. The sources are those of this tree: .docs/installing.md has the commands.

from spack.package import *


class Farm(CMakePackage):
    """farm runs MPI-parallel functions as tasks, each on a small group of ranks with a communicator of its own."""

    # Spack asks for an address, but does not use this one for dev-build and develop. Replace it by that of your repository.
    git = "https://example.org/farm.git"

    license("BSD-3-Clause")

    version("main", branch="main")

    generator("ninja")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.21:", type="build")
    depends_on("pkgconfig", type="build")

    depends_on("mpi")
    depends_on("openmpi@4.1:", when="^[virtuals=mpi] openmpi")
    depends_on("mpich@4:", when="^[virtuals=mpi] mpich")
    depends_on("pmix@4:")  # headers; the guards of the ranks load the library
    depends_on("hwloc@2:")
    depends_on("hdf5@1.10: +mpi+hl")
    depends_on("cereal@1.3:")
    depends_on("fmt@9:")
    depends_on("openssl@3:")
    depends_on("libpng")

    # Headers that programs with farm do not need.
    depends_on("asio@1.22:", type="build")
    depends_on("cli11@2.1:", type="build")
    depends_on("nlohmann-json@3.10:", type="build")
    depends_on("xxhash@0.8:", type="build")

    depends_on("catch2@2.13:", type="test")

    conflicts("%gcc@:11", msg="farm needs g++ 12 or later")
    conflicts("^openmpi+internal-pmix", msg="farm needs the PMIx that Open MPI uses")

    def cmake_args(self):
        return [
            self.define("FARM_TESTS", self.run_tests),
            self.define("FARM_EXAMPLES", False),
            self.define("FARM_WERROR", False),
        ]

    def check(self):
        # The other tests start ranks by mpiexec, which is not possible on every machine that installs software.
        with working_dir(self.build_directory):
            ctest("--output-on-failure", "-L", "core")

    def setup_run_environment(self, env):
        # Programs load PMIx by its name, and the loader does not know the directories of Spack.
        libraries = find_libraries("libpmix", root=self.spec["pmix"].prefix, recursive=True)
        if libraries:
            env.set("FARM_PMIX_LIBRARY", libraries[0])
