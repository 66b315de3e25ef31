# cmake -D OUTPUT=FILE.cpp -D DIRECTORY=DIR -D "NAMES=a.html b.js" -P embed.cmake: writes a source that has the files of the
# directory as arrays, for spawn/service/web/embedded_files.hpp.
set(arrays "")
set(entries "")
separate_arguments(NAMES)
set(index 0)
foreach(name IN LISTS NAMES)
  file(READ "${DIRECTORY}/${name}" bytes HEX)
  string(REGEX REPLACE "(................................)" "\\1\n   " bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" " '\\\\x\\1'," bytes "${bytes}")
  string(APPEND arrays "constexpr char file_${index}[] = {\n   ${bytes}\n};\n")
  string(APPEND entries "      {\"${name}\", {file_${index}, sizeof file_${index}}},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE "${OUTPUT}" "// Made by .cmake/embed.cmake.
#include \"spawn/service/web/embedded_files.hpp\"

namespace farm::detail {
namespace {

${arrays}
}  // namespace

std::vector<std::pair<std::string_view, std::string_view>> const& embedded_files() {
  static std::vector<std::pair<std::string_view, std::string_view>> const files{
${entries}  };
  return files;
}

}  // namespace farm::detail
")
