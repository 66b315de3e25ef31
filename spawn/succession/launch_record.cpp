#include "spawn/succession/launch_record.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace farm::detail {

using Json = nlohmann::json;

std::string to_json(LaunchRecord const& record) {
  Json placement = Json::array();
  for (auto const& share : record.placement)
    placement.push_back({{"host", share.host}, {"ranks", share.ranks}, {"component", share.component}});
  Json named = Json::object();
  for (auto const& each : record.request.named) named[each.name] = each.amount;
  return Json{{"ranks", record.request.ranks},
              {"threads", record.request.threads},
              {"gpus", record.request.gpus},
              {"memory", record.request.memory},
              {"named", named},
              {"placement", placement},
              {"launcher", record.launcher},
              {"host", record.host},
              {"process", record.process},
              {"started", record.started},
              {"own_job", record.has_own_job}}
      .dump();
}

LaunchRecord read_launch_record(std::string const& json) try {
  auto const all = Json::parse(json);
  LaunchRecord record;
  record.request = {
      .ranks = all.at("ranks"), .threads = all.at("threads"), .gpus = all.at("gpus"), .memory = all.at("memory")};
  for (auto const& [name, amount] : all.at("named").items()) record.request.named.push_back({name, amount});
  for (auto const& share : all.at("placement"))
    record.placement.push_back({share.at("host"), share.at("ranks"), share.at("component")});
  record.launcher = all.at("launcher");
  record.host = all.at("host");
  record.process = all.at("process");
  record.started = all.at("started");
  record.has_own_job = all.at("own_job");
  if (record.request.ranks < 1) throw std::runtime_error("it has no ranks");
  return record;
} catch (std::exception const& error) {
  throw std::runtime_error(fmt::format("not the record of a group: {}", error.what()));
}

std::uint64_t start_of_process(std::int32_t process) {
  std::ifstream file{fmt::format("/proc/{}/stat", process)};
  std::string const text{std::istreambuf_iterator<char>{file}, {}};
  auto const name_end = text.rfind(')');  // the name may have blanks
  if (name_end == std::string::npos) return 0;
  std::istringstream rest{text.substr(name_end + 1)};
  constexpr int fields_before = 19;  // field 3 is the first of them, and field 22 the time
  std::string word;
  for (int i = 0; i < fields_before; ++i) {
    rest >> word;
    if (i == 0 && (word == "Z" || word == "X")) return 0;
  }
  std::uint64_t started = 0;
  rest >> started;
  return started;
}

}  // namespace farm::detail
