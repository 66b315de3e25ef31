#include "spawn/runtime/uncaught_error.hpp"

#include "core/text/exception_text.hpp"
#include "spawn/runtime/interrupt.hpp"
#include "spawn/runtime/leave_program.hpp"

#include <farm/detail/log.hpp>
#include <farm/error.hpp>
#include <farm/stage_run.hpp>

#include <unistd.h>
#include <exception>
#include <string>

namespace farm::detail {
namespace {

/// The handler that was there before ours; null while ours is not set.
std::terminate_handler before = nullptr;  // NOLINT: one per process
/// The handler of the C++ library, which prints the type and aborts.
std::terminate_handler const of_library = std::get_terminate();  // NOLINT: one per process

/// Writes the exception that nobody has caught. The farm's own errors say what happened; others need their type.
void report(std::exception_ptr const& error) {
  try {
    std::rethrow_exception(error);
  } catch (Error const& e) {
    log_error(e.what());
  } catch (std::exception const& e) {
    log_error("an exception left main: " + current_exception_type() + ": " + text_of(e));
  } catch (...) {
    log_error("an exception left main: " + current_exception_text());
  }
}

/// Runs on the thread that the exception has left. After a signal this may be the error of an interrupted future.
[[noreturn]] void on_terminate() {
  if (int const status = Interrupt::status(); status != 0) leave_program(status);
  auto const error = std::current_exception();
  if (auto const* const run = current_stage_run()) run->remove_files();
  if (!error || (before != nullptr && before != of_library)) {  // not an exception: a core file may help
    if (before != nullptr) before();
    _exit(1);
  }
  report(error);
  leave_program(1);
}

}  // namespace

void report_uncaught_errors() {
  if (std::get_terminate() == &on_terminate) return;
  before = std::set_terminate(&on_terminate);
}

void stop_reporting_uncaught_errors() {
  if (std::get_terminate() == &on_terminate) std::set_terminate(before);
}

}  // namespace farm::detail
