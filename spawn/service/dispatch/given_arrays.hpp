#pragma once

#include <chrono>
#include <filesystem>
#include <set>
#include <string>

namespace farm::detail {

/// Returns the file in which a client has put the arrays of a submission with this key, if it had any. Empty if no such
/// file can be: the key is not made of letters, digits, '-' and '_'.
[[nodiscard]] std::filesystem::path given_arrays(std::filesystem::path const& directory, std::string const& key);

/// Removes arrays whose submission has not come: the client has ended before it. Leaves those of these keys, and what
/// was written less than `age` ago. Blocks for the disk. Ignores errors: the next server tries again.
void remove_arrays_without_job(std::filesystem::path const& directory, std::set<std::string> const& keys,
                               std::chrono::seconds age);

}  // namespace farm::detail
