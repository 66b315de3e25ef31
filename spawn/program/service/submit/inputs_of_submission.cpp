#include "spawn/program/service/submit/inputs_of_submission.hpp"

#include "spawn/program/typing_error.hpp"

#include <farm/detail/text_value.hpp>
#include <farm/error.hpp>

#include <poll.h>
#include <exception>

namespace farm::detail {

void add_inputs_to(SubmissionBody& submission, NamedTask const& task, InputArguments const& inputs) try {
  InputSource source{task, inputs};
  for (Input input;;) {
    auto const state = source.next(input);
    if (state == InputSource::State::end) return;
    if (state == InputSource::State::wait) {
      pollfd request{.fd = source.descriptor(), .events = POLLIN, .revents = 0};
      poll(&request, 1, -1);
      continue;
    }
    if (input.error) std::rethrow_exception(input.error);
    submission.add(to_json(input.call.input));
  }
} catch (UsageError const& error) {
  throw TypingError(error.what());
}

}  // namespace farm::detail
