#include "spawn/service/web/page.hpp"

#include "spawn/service/web/embedded_files.hpp"

namespace farm::detail {
namespace {

/// The browser runs nothing that is not a file of the page, and connects to nobody but the server: so texts of tasks
/// can neither become markup nor load anything, even if the page had a mistake.
constexpr auto policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri "
    "'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

std::string_view type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  return "text/javascript; charset=utf-8";
}

}  // namespace

std::optional<WebFile> web_file(std::string_view path) {
  if (!path.starts_with('/')) return std::nullopt;
  auto const wanted = path == "/" ? std::string_view{"index.html"} : path.substr(1);
  for (auto const& [name, bytes] : embedded_files()) {
    if (name != wanted) continue;
    return WebFile{.type = type_of(name),
                   .bytes = bytes,
                   .headers = {{"Cache-Control", "no-cache"},
                               {"Content-Security-Policy", policy},
                               {"Cross-Origin-Opener-Policy", "same-origin"},
                               {"Cross-Origin-Resource-Policy", "same-origin"},
                               {"Referrer-Policy", "no-referrer"},
                               {"X-Content-Type-Options", "nosniff"},
                               {"X-Frame-Options", "DENY"}}};
  }
  return std::nullopt;
}

}  // namespace farm::detail
