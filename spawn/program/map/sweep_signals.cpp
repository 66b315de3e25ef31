#include "spawn/program/map/sweep_signals.hpp"

#include "spawn/runtime/interrupt.hpp"

#include <farm/detail/log.hpp>

#include <fmt/format.h>

#include <cstring>
#include <utility>

namespace farm::detail {
namespace {

std::atomic<Completions const*> woken{nullptr};  // NOLINT: a handler of signals has nothing else
std::atomic<bool> is_requested{false};           // NOLINT

void on_request(int /*signal*/) {
  is_requested = true;
  if (auto const* const completions = woken.load()) completions->wake();
}

}  // namespace

SweepSignals::SweepSignals(std::shared_ptr<Completions> completions, bool drains)
    : completions_(std::move(completions)), drains_(drains) {
  woken = completions_.get();
  struct sigaction action {};
  action.sa_handler = on_request;
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, &before_);
  Interrupt::ask_first([this](int signal) { return on_signal(signal); });
}

SweepSignals::~SweepSignals() {
  Interrupt::ask_first(nullptr);
  sigaction(SIGUSR1, &before_, nullptr);
  woken = nullptr;
}

bool SweepSignals::take_request() { return is_requested.exchange(false); }

bool SweepSignals::on_signal(int signal) {
  bool const drains = drains_ && drained_by_ == 0 && (signal == SIGINT || signal == SIGTERM);
  (drains ? drained_by_ : interrupted_by_) = signal;
  if (drains)
    log_error(fmt::format("{}: waiting for the tasks that run; once more to end them", strsignal(signal)));  // NOLINT
  completions_->wake();  // nothing else wakes a run that waits for input
  return drains;
}

}  // namespace farm::detail
