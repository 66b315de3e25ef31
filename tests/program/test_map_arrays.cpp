// Arrays and structs as inputs and results of map, and results gathered in one file.
#include "tests/program/run_command.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <string>

namespace {

using Json = nlohmann::json;

Outcome named(std::string const& arguments) { return run(std::string{NAMED_TASKS} + " " + arguments); }

Json record_of(Outcome const& outcome) { return Json::parse(lines(outcome.out).at(0)); }

/// Returns what h5dump prints of the data of an object, without line breaks and repeated blanks.
std::string dumped(std::string const& file, std::string const& object) {
  return run("h5dump -y -w 0 -d " + object + " " + file + " | tr -s ' \\n' ' '").out;
}

}  // namespace

TEST_CASE("an array is shown by its file, dataset and extents, or by its values, and can be given again") {
  std::filesystem::create_directory("kept_stage");
  auto const large = record_of(named("map ramp 1,100000 --json --keep --stage kept_stage"))["result"];
  CHECK(large["extents"] == Json{2, 50000});
  CHECK_FALSE(large["dataset"].get<std::string>().empty());
  CHECK(std::filesystem::exists(large["file"].get<std::string>()));
  std::ofstream{"arrays.jsonl"} << large.dump() << "\n[1, 2.5]\n{\"values\":[1,2],\"extents\":[2,1]}\n[1,inf]\n";
  CHECK(named("map total --over arrays.jsonl").out == "5000052000\n1003.5\n2003\ninf\n");
  auto const small = record_of(named("map ramp 1,4 --json"))["result"];
  CHECK(small == Json::parse(R"({"values":[1,2,3,4],"extents":[2,2]})"));
  CHECK_THAT(named("map total '{\"file\":\"absent.h5\",\"dataset\":\"u\"}'").err,
             contains("argument 1") && contains("absent.h5"));
  CHECK_THAT(named("map total 1").err, contains("expected array of double: {\"file\", \"dataset\"}, or a list"));
}

TEST_CASE("a struct whose serialize names its members is an object, also as an input") {
  auto const outcome = named("map refit '{\"points\":[7],\"slope\":\"inf\"},2' --json");
  CHECK(inputs_and_results(outcome.out) ==
        "{\"input\":[{\"slope\":\"inf\",\"points\":[7]},2.0],"
        "\"result\":{\"slope\":\"inf\",\"points\":[7,1]}}\n");
  std::ofstream{"records.jsonl"} << outcome.out;
  CHECK(inputs_and_results(named("map refit --over records.jsonl --json").out) == inputs_and_results(outcome.out));
  CHECK_THAT(named("map refit '{\"slope\":1},2'").err, contains("there is no member points"));
  CHECK_THAT(named("map refit '{\"slope\":1,\"points\":[1.5]},2'").err, contains("member points: expected int"));
}

TEST_CASE("a plain struct is the list of its members, also as an input") {
  auto const outcome = named("map plain '[\"a\",{\"slope\":1,\"points\":[]},[3,4]]' --json");
  CHECK(record_of(outcome)["result"] == Json::parse(R"(["a!",{"slope":1.0,"points":[]},[3,4]])"));
  CHECK(record_of(outcome)["input"] == Json::parse(R"(["a",{"slope":1.0,"points":[]},[3,4]])"));
}

TEST_CASE("a path is a string") { CHECK(named("map parent /a/b 12").out == "/a\n\n"); }

TEST_CASE("--gather copies arrays into one dataset in the order of the inputs, with the inputs beside it") {
  std::filesystem::remove("all.h5");
  CHECK(named("map ramp --grid start=10:30:10 n=4 --gather all.h5:/deep/u --unordered --max-ranks 2").status == 0);
  CHECK_THAT(dumped("all.h5", "/deep/u"),
             contains("( 3, 2, 2 )") && contains("10, 11, 12, 13, 20, 21, 22, 23, 30, 31, 32, 33"));
  CHECK_THAT(dumped("all.h5", "/inputs/start"), contains("H5T_IEEE_F64LE") && contains("10, 20, 30"));
  CHECK_THAT(dumped("all.h5", "/inputs/n"), contains("H5T_STD_I64LE") && contains("4, 4, 4"));
  auto const again = named("map ramp 1,4 --gather all.h5:v");
  CHECK(again.status == 2);
  CHECK_THAT(again.err, contains("all.h5 already has /inputs"));
}

TEST_CASE("the slabs that the ranks of a task take and return are arrays") {
  std::filesystem::remove("slabs.h5");
  CHECK(named("map add '1,[1,2,3]' '10,[1,2,3]' --ranks-per-task 2 --gather slabs.h5:/u").status == 0);
  CHECK_THAT(dumped("slabs.h5", "/u"), contains("2, 3, 4, 11, 12, 13"));
  CHECK_THAT(dumped("slabs.h5", "/inputs/1"), contains("1, 10"));
}

TEST_CASE("--gather takes files of arrays, and lists of numbers; text among the inputs is text in the file") {
  std::filesystem::remove("large.h5");
  CHECK(named("map ramp 0,40000 7,40000 --gather large.h5:/u").status == 0);
  CHECK_THAT(run("h5dump -y -d '/u[1,0,0;;1,1,2;]' large.h5").out, contains("7, 8"));
  std::filesystem::remove("lists.h5");
  CHECK(named("map powers a,2 b,3 'c,4' --chunksize 2 --gather lists.h5:p").status == 0);
  CHECK_THAT(dumped("lists.h5", "/p"), contains("1, 2, 4, 1, 3, 9, 1, 4, 16"));
  CHECK_THAT(dumped("lists.h5", "/inputs/1"), contains("H5T_VARIABLE") && contains("\"a\", \"b\", \"c\""));
}

TEST_CASE("--gather is refused before any task runs, if it cannot work") {
  CHECK_THAT(named("map ramp 1,4 --gather all.h5").err, contains("'all.h5' was given, FILE:DATASET is expected"));
  CHECK_THAT(named("map same 1 --gather all.h5:u").err, contains("--gather: same does not return arrays, but double"));
  std::ofstream{"no.h5"} << "text";
  CHECK_THAT(named("map ramp 1,4 --gather no.h5:u").err, contains("no.h5: cannot open"));
  std::filesystem::remove("differ.h5");
  auto const differ = named("map ramp 1,4 1,6 --gather differ.h5:u");
  CHECK(differ.status == 1);
  CHECK_THAT(differ.err, contains("--gather differ.h5:u: arrays of different extents cannot be gathered"));
}
