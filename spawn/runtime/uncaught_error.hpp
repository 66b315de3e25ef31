#pragma once

namespace farm::detail {

/// Sets the terminate handler of a master. If an exception leaves main, the handler writes its text as one line to the
/// standard error and ends the process with status 1, without a core file and without MPI's backtrace; the ranks end by
/// themselves, and the files of the stage are removed. After a signal, the status is that of the interrupted program.
/// A handler that the program has set before is called in place of this. May be called more than once.
void report_uncaught_errors();

/// Sets the handler again that was there before, unless the program has set another one since.
void stop_reporting_uncaught_errors();

}  // namespace farm::detail
