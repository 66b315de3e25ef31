#include "spawn/service/client/connection.hpp"

#include "core/base/settings.hpp"
#include "core/text/c_locale.hpp"
#include "spawn/service/client/state_directory.hpp"

#include <farm/error.hpp>
#include <farm/service_error.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

namespace farm::detail {
namespace {

using Json = nlohmann::json;
using Why = http::NoAnswer::Why;
using namespace std::chrono_literals;

/// The pauses while a server is away.
constexpr auto shortest_pause = 50ms;
constexpr auto longest_pause = 1000ms;

std::string file_text(std::filesystem::path const& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

std::string trimmed(std::string text) {
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.pop_back();
  return text;
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

/// What server.json says of the server that runs, or ran last, in the directory.
struct Running {
  std::string host{};
  std::string process{};
  std::vector<std::string> addresses{};
};

Running running_in(std::filesystem::path const& directory) {
  CLocale const locale;
  auto const json = Json::parse(file_text(directory / server_file), nullptr, false);
  if (!json.is_object()) return {};
  Running running;
  if (auto const host = json.find("host"); host != json.end() && host->is_string()) running.host = *host;
  if (auto const process = json.find("process"); process != json.end()) running.process = process->dump();
  auto const addresses = json.find("addresses");
  if (addresses == json.end() || !addresses->is_array()) return running;
  for (auto const& each : *addresses) {
    if (each.is_string()) running.addresses.push_back(each);
  }
  return running;
}

/// Returns the line of an error's body, and the nearest word.
std::pair<std::string, std::string> error_of(std::string const& body) {
  CLocale const locale;
  auto const json = Json::parse(body, nullptr, false);
  auto const member = [&](char const* name) {
    if (!json.is_object()) return std::string{};
    auto const found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string{};
  };
  return {member("error"), member("nearest")};
}

}  // namespace

Connection::Connection(ServerPlace place) : place_(std::move(place)), has_answered_(place_.was_there) {
  if (place_.server.empty() && place_.directory.empty()) place_.server = setting(Setting::server);
  bool const needs_no_directory =
      !place_.server.empty() && place_.directory.empty() && (!place_.token.empty() || is_set(Setting::token));
  if (!needs_no_directory) directory_ = state_directory(place_.directory);
}

std::string Connection::name() const {
  return place_.server.empty() ? fmt::format("the server of {}", directory_.string())
                               : fmt::format("the server at {}", place_.server);
}

std::string Connection::read_token() const {
  if (!place_.token.empty()) return place_.token;
  if (auto token = setting(Setting::token); !token.empty()) return token;
  return trimmed(file_text(directory_ / token_file));
}

/// Finds the server, which may have been started anew on another host or port.
void Connection::connect() {
  if (!place_.server.empty()) {
    address_ = place_.server;
    token_source_ = !place_.token.empty()    ? std::string{"the token that was given"}
                    : is_set(Setting::token) ? setting_name(Setting::token)
                                             : (directory_ / token_file).string();
    auto const token = read_token();
    if (token.empty()) {
      throw UsageError(
          fmt::format("there is no token for the server at {}: set FARM_TOKEN, or copy the file {} of the server's "
                      "state directory to {}",
                      address_, token_file, token_source_));
    }
    client_ = std::make_unique<http::Client>(address_, token, place_.limit);
    return;
  }
  auto const running = running_in(directory_);
  bool const is_elsewhere = !running.host.empty() && running.host != host_name();
  if (is_elsewhere && !running.addresses.empty()) {
    address_ = running.addresses.front();
    token_source_ = (directory_ / token_file).string();
    client_ = std::make_unique<http::Client>(address_, read_token(), place_.limit);
    return;
  }
  address_ = (directory_ / socket_file).string();
  client_ = std::make_unique<http::Client>(address_, std::string{}, place_.limit);
}

std::string Connection::why_nobody_listens() const {
  if (!place_.server.empty()) {
    return fmt::format("no server listens at {}; start one there: farm serve --listen {}", place_.server,
                       place_.server);
  }
  auto const running = running_in(directory_);
  bool const is_elsewhere = !running.host.empty() && running.host != host_name();
  if (is_elsewhere && running.addresses.empty()) {
    return fmt::format(
        "no server of {} runs on this host; the last one was on {} and listens on no port: ask it there, or start it "
        "with --listen HOST:PORT",
        directory_.string(), running.host);
  }
  struct stat status {};
  bool const is_forbidden =
      stat((directory_ / socket_file).c_str(), &status) != 0 ? errno == EACCES : access(address_.c_str(), W_OK) != 0;
  if (is_forbidden && !is_elsewhere)
    return fmt::format("the server of {} is another user's: only its owner may speak to it", directory_.string());
  return fmt::format("no server runs in {}; start one: {}", directory_.string(), serve_command(directory_));
}

std::string Connection::text_of(http::NoAnswer const& error, double limit) const {
  if (error.why == Why::nobody_listens) return why_nobody_listens();
  auto const running = place_.server.empty() ? running_in(directory_) : Running{};
  auto const who = running.process.empty() ? name() : fmt::format("{} (process {})", name(), running.process);
  if (error.why == Why::too_slow) return fmt::format("{} has not answered for {:g} s", who, limit);
  return fmt::format("{} has broken the connection before its answer: {}", who, error.what());
}

http::Reply Connection::send_once(Request const& request) {
  double const limit = place_.limit + request.extra;
  if (!client_) connect();
  auto reply = client_->request(request.method, request.target, request.body, request.type, limit);
  has_answered_ = true;
  if (reply.status < 400) return reply;
  auto const [text, nearest] = error_of(reply.body);
  if (reply.status == 401) throw ServiceError(401, fmt::format("{} refuses {}", name(), token_source_));
  throw ServiceError(reply.status,
                     text.empty() ? fmt::format("{} answers {} {} with status {}", name(), request.method,
                                                request.target, reply.status)
                                  : text,
                     nearest);
}

http::Reply Connection::send(Request const& request) {
  auto pause = std::chrono::milliseconds{shortest_pause};
  auto const begin = std::chrono::steady_clock::now();
  for (;;) {
    try {
      return send_once(request);
    } catch (http::NoAnswer const& error) {
      client_.reset();
      bool const may_be_done = error.why != Why::nobody_listens && request.again == Again::may_not;
      bool const is_over =
          std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() >= place_.patience;
      if (!has_answered_ || may_be_done || is_over) {
        throw NoServer(text_of(error, place_.limit + request.extra));
      }
      if (pause == shortest_pause && place_.when_away) place_.when_away(text_of(error, place_.limit + request.extra));
    }
    std::this_thread::sleep_for(pause);
    pause = std::min<std::chrono::milliseconds>(2 * pause, longest_pause);
  }
}

std::string Connection::get(std::string const& target, double extra) {
  return send({.method = "GET", .target = target, .extra = extra}).body;
}

std::string Connection::post(std::string const& target, std::string_view body, Again again) {
  return send({.method = "POST", .target = target, .body = body, .again = again}).body;
}

std::string Connection::post_lines(std::string const& target, std::string_view body) {
  // a large submission takes its time on the way, and until it is on disk
  double const extra = 30 + static_cast<double>(body.size()) / 1e6;
  return send({.method = "POST", .target = target, .body = body, .type = "application/x-ndjson", .extra = extra}).body;
}

http::Reply Connection::reply_to(std::string const& target) { return send({.method = "GET", .target = target}); }

void Connection::events(
    std::string const& target, std::string const& last_event,
    std::function<bool(std::string const& id, std::string const& event, std::string const& data)> const& on_event) {
  try {
    connect();
    client_->events(target, last_event, on_event);
    client_.reset();
  } catch (http::NoAnswer const& error) {
    client_.reset();
    throw NoServer(text_of(error, place_.limit));
  }
}

}  // namespace farm::detail
