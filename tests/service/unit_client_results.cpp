// The results of a job as tables and files.
#include "io/hdf5/hdf5.hpp"
#include "spawn/program/service/job/result_files.hpp"
#include "spawn/program/typing_error.hpp"
#include "tests/service/scripted_service.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <farm/array.hpp>

#include <fstream>
#include <iterator>

using namespace farm;
using namespace farm::detail;

namespace {

constexpr auto failure =
    R"({"index":2,"input":{"alpha":0.3,"n":3},"error":{"type":"std::runtime_error","text":"no\nroot","rank":0,)"
    R"("host":"h"},"attempts":2,"seconds":0.5})";

/// A server with a job of these records.
struct Job {
  Job(std::string const& name, std::vector<std::string> const& records) : service(name) {
    std::string text;
    for (auto const& record : records) text += record + '\n';
    service.on("GET /api/v1/jobs/1", {job_json(1, "failed", records.size(), "")});
    service.on("GET /api/v1/jobs/1/results", {text});
  }
  std::string write(std::string const& name) {
    auto const path = (service.directory() / name).string();
    write_results(requests, 1, path);
    return path;
  }
  ScriptedService service;
  Requests requests{{.directory = service.directory()}};
};

std::string content(std::string const& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

std::string const first =
    R"({"index":0,"input":{"alpha":0.1,"n":1},"result":{"x":1.5,"tag":"a,b"},"attempts":1,"seconds":0.25})";
std::string const second =
    R"({"index":1,"input":{"alpha":0.2,"n":2},"result":{"x":2,"tag":"say \"hi\""},"attempts":1,"seconds":0.25})";

/// Returns the values of a dataset, and checks its extents.
template <class T>
std::vector<T> values_of(std::string const& file, std::string const& dataset, Extents const& extents) {
  auto const array = Array<T>::open(file, dataset);
  CHECK(array.extents() == extents);
  return array.read();
}

}  // namespace

TEST_CASE("a table of comma-separated values has a column for each input and result, and the error") {
  Job job{"csv", {first, second, failure}};
  CHECK(content(job.write("t.csv")) ==
        "index,alpha,n,result.x,result.tag,error,attempts,seconds\n"
        "0,0.1,1,1.5,\"a,b\",,1,0.25\n"
        "1,0.2,2,2,\"say \"\"hi\"\"\",,1,0.25\n"
        "2,0.3,3,,,std::runtime_error: no\\nroot,2,0.5\n");
}

TEST_CASE("inputs without names are numbered, and names of other columns are kept apart") {
  Job job{"columns",
          {R"({"index":0,"input":[1,"a"],"result":5,"attempts":1,"seconds":1})",
           R"({"index":1,"input":{"index":7,"result":8},"result":[1,2],"attempts":1,"seconds":1})",
           R"({"index":2,"input":"x","result":null,"attempts":1,"seconds":1})",
           R"({"index":3,"input":null,"result":true,"attempts":1,"seconds":1})"}};
  CHECK(content(job.write("t.csv")) ==
        "index,1,2,input.index,input.result,input,result,error,attempts,seconds\n"
        "0,1,a,,,,5,,1,1\n"
        "1,,,7,8,,\"[1,2]\",,1,1\n"
        "2,,,,,x,,,1,1\n"
        "3,,,,,,true,,1,1\n");
}

TEST_CASE("lines of JSON are the records as the server has them") {
  Job job{"jsonl", {first, failure}};
  CHECK(content(job.write("t.jsonl")) == first + '\n' + failure + '\n');
}

TEST_CASE("an HDF5 file has a dataset for each column, and the failed tasks in a group of their own") {
  Job job{"hdf5", {first, second, failure}};
  auto const file = job.write("t.h5");
  CHECK(values_of<std::int64_t>(file, "/finished/index", {2}) == std::vector<std::int64_t>{0, 1});
  CHECK(values_of<double>(file, "/finished/inputs/alpha", {2}) == std::vector{0.1, 0.2});
  CHECK(values_of<std::int64_t>(file, "/finished/inputs/n", {2}) == std::vector<std::int64_t>{1, 2});
  CHECK(values_of<double>(file, "/finished/results/x", {2}) == std::vector{1.5, 2.0});
  CHECK(values_of<std::int64_t>(file, "/failed/index", {1}) == std::vector<std::int64_t>{2});
  CHECK(values_of<double>(file, "/failed/inputs/alpha", {1}) == std::vector{0.3});
  Hdf5Lock const lock;
  FileHandle const opened{H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT)};
  CHECK(H5Lexists(opened, "/finished/results/tag", H5P_DEFAULT) > 0);
  CHECK(H5Lexists(opened, "/failed/error", H5P_DEFAULT) > 0);
}

TEST_CASE("lists of equally many numbers become a dataset of two axes") {
  Job job{"lists",
          {R"({"index":0,"input":1,"result":[1,2,0],"attempts":1,"seconds":1})",
           R"({"index":1,"input":2,"result":[2,2,1],"attempts":1,"seconds":1})"}};
  auto const file = job.write("t.h5");
  CHECK(values_of<std::int64_t>(file, "/finished/results/value", {2, 3}) ==
        std::vector<std::int64_t>{1, 2, 0, 2, 2, 1});
  CHECK(values_of<std::int64_t>(file, "/finished/inputs/input", {2}) == std::vector<std::int64_t>{1, 2});
}

TEST_CASE("arrays become datasets of their own, from their files and from their texts") {
  Scratch const scratch{"client-arrays"};
  Job source{"array", {R"({"index":0,"input":1,"result":[1.5,2.5],"attempts":1,"seconds":1})"}};
  auto const file = source.write("u.h5");
  Job job{"arrays",
          {R"({"index":0,"input":1,"result":{"file":")" + file +
               R"(","dataset":"/finished/results/value","extents":[1,2]},"attempts":1,"seconds":1})",
           R"({"index":1,"input":2,"result":{"values":[1,2,3,4,5,6],"extents":[2,3]},"attempts":1,"seconds":1})"}};
  auto const result = job.write("t.h5");
  CHECK(values_of<double>(result, "/finished/results/value/0", {1, 2}) == std::vector{1.5, 2.5});
  CHECK(values_of<std::int64_t>(result, "/finished/results/value/1", {2, 3}) ==
        std::vector<std::int64_t>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("a file of results appears complete or not at all, and replaces none") {
  Job job{"files",
          {R"({"index":0,"input":1,"result":{"file":"/not/there.h5","dataset":"/u","extents":[2]},"attempts":1,)"
           R"("seconds":1})"}};
  auto const path = (job.service.directory() / "t.h5").string();
  CHECK_THAT(error_of([&] { write_results(job.requests, 1, path); }), contains("/not/there.h5"));
  CHECK_FALSE(std::filesystem::exists(path));
  CHECK_FALSE(std::filesystem::exists(path + ".part"));
  std::ofstream{path} << "mine";
  CHECK(error_of<TypingError>([&] { check_result_file(path); }) == "--to: there is a file " + path + " already");
  CHECK_THAT(error_of<TypingError>([] { check_result_file("t.txt"); }), contains("FILE.csv, FILE.jsonl or FILE.h5"));
}
