# Enables Fortran if there is a compiler, and finds MPI for it. MPI_Fortran_HAVE_F90_MODULE says whether MPI has a module for
# this compiler. The fuzzers are built without Fortran.
include(CheckLanguage)
if(NOT CMAKE_Fortran_COMPILER)
  unset(CMAKE_Fortran_COMPILER CACHE) # it may have been installed meanwhile
endif()
if(NOT FARM_FUZZ)
  check_language(Fortran)
endif()
if(CMAKE_Fortran_COMPILER)
  enable_language(Fortran)
  find_package(MPI COMPONENTS Fortran)
endif()
