#include "core/resources/budget.hpp"

#include "core/resources/memory_text.hpp"
#include "core/text/nearest_word.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace farm::detail {
namespace {

std::int64_t amount_in(std::vector<NamedAmount> const& amounts, std::string const& name) {
  auto const found =
      std::find_if(amounts.begin(), amounts.end(), [&](NamedAmount const& each) { return each.name == name; });
  return found == amounts.end() ? 0 : found->amount;
}

}  // namespace

void Usage::add_special(Request const& request, std::int64_t sign) {
  own_cores_ += sign * request.ranks * request.threads;
  gpus_ += sign * request.ranks * request.gpus;
  memory_ += sign * request.ranks * request.memory;
  for (auto const& each : request.named) add_named(each.name, sign * each.amount);
}

void Usage::add_named(std::string const& name, std::int64_t amount) {
  auto const found =
      std::find_if(named_.begin(), named_.end(), [&](NamedAmount const& each) { return each.name == name; });
  if (found == named_.end()) {
    named_.push_back({name, amount});
  } else {
    found->amount += amount;
  }
}

void Usage::subtract(Usage const& other) {
  ranks_ -= other.ranks_;
  cores_ -= other.cores_;
  own_cores_ -= other.own_cores_;
  gpus_ -= other.gpus_;
  memory_ -= other.memory_;
  for (auto const& each : other.named_) add_named(each.name, -each.amount);
}

std::int64_t Usage::named(std::string const& name) const { return amount_in(named_, name); }

std::int64_t Budget::named(std::string const& name) const { return amount_in(capacity_.named, name); }

unsigned Budget::lacks_special(Request const& request, Usage const& used) const {
  unsigned missing = lack::nothing;
  bool const counts_cores = request.threads > 0 || used.own_cores_ != 0;
  if (counts_cores && capacity_.cores &&
      used.cores_ + std::int64_t{request.ranks} * request.cores_per_rank() > *capacity_.cores)
    missing |= lack::cores;
  if (request.gpus > 0 && used.gpus_ + std::int64_t{request.ranks} * request.gpus > capacity_.gpus)
    missing |= lack::gpus;
  // by division, since the product may have more than 63 bits
  if (request.memory > 0 && capacity_.memory && (*capacity_.memory - used.memory_) / request.ranks < request.memory)
    missing |= lack::memory;
  for (auto const& each : request.named) {
    if (used.named(each.name) > named(each.name) - each.amount) missing |= lack::named;
  }
  return missing;
}

std::string Budget::refusal(Request const& request) const {
  auto const missing = lacks(request, {});
  if (missing == lack::nothing) return {};
  if ((missing & lack::ranks) != 0) return fmt::format("only 1 to {} ranks are possible", most_ranks_);
  if ((missing & lack::cores) != 0) return fmt::format("there are {} cores", *capacity_.cores);
  if ((missing & lack::gpus) != 0) return fmt::format("there are {} gpus", capacity_.gpus);
  if ((missing & lack::memory) != 0) return fmt::format("there are {} of memory", memory_text(*capacity_.memory));
  for (auto const& each : request.named) {
    if (each.amount > named(each.name)) return fmt::format("there are {} of {}", named(each.name), each.name);
  }
  return {};
}

}  // namespace farm::detail
