#pragma once

#include <farm/serialize.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace farm {

/// Couples this process, which need be no MPI process and have no Runtime, with a program that a launcher command such
/// as `mpiexec -n 4 ./solver` starts: values go to and fro. One process of that program, usually rank 0, makes a
/// SocketPeer, the other end. What cereal can serialize may be sent; both ends must know the same type for it, and run
/// on machines of the same representation.
///
/// Thread-safe, but for being moved and destroyed.
class SocketInterface {
 public:
  struct Options {
    std::string working_directory{};                              ///< of the command; empty: that of this process
    std::map<std::string, std::string> environment{};             ///< added to that of the command
    std::chrono::nanoseconds timeout = std::chrono::seconds{60};  ///< for the other end to come
    /// The other end may be on another host. The launcher must hand FARM_PEER on to it (mpiexec: -x FARM_PEER), and the
    /// stage directory (FARM_STAGE_DIR) must be shared.
    bool other_hosts = false;
  };

  SocketInterface();
  SocketInterface(SocketInterface&& other) noexcept;
  SocketInterface& operator=(SocketInterface&& other) noexcept;
  /// shutdown().
  ~SocketInterface();

  /// Starts the command, which is looked for in PATH, and blocks until the other end has come. What the command prints
  /// goes where this process prints. Throws SpawnError where it cannot be started, ends before, or does not come in
  /// time, with what it has said; UsageError where one runs already.
  void bootup(std::vector<std::string> const& command, Options const& options);
  void bootup(std::vector<std::string> const& command) { bootup(command, Options{}); }
  /// A command as in a shell, quotes included.
  void bootup(std::string const& command, Options const& options);
  void bootup(std::string const& command) { bootup(command, Options{}); }

  /// Does not block. Throws SerializationError where the value is too large (1 GiB), GroupLost where the other end is
  /// gone, which says how the command ended; UsageError before bootup() and after shutdown().
  template <class T>
  void send(T const& value) {
    send_bytes(pack(value));
  }

  /// The next value from the other end; blocks. Throws TimeoutError, after which it may be called again; GroupLost
  /// where there is none and the other end is gone; UsageError as send(), and SerializationError where what came is no
  /// T.
  template <class T>
  [[nodiscard]] T receive(std::optional<std::chrono::nanoseconds> timeout = {}) {
    return unpack<T>(receive_bytes(timeout));
  }

  template <class R, class T>
  [[nodiscard]] R send_and_receive(T const& value, std::optional<std::chrono::nanoseconds> timeout = {}) {
    send(value);
    return receive<R>(timeout);
  }

  /// The other end is there.
  [[nodiscard]] bool alive() const;

  /// What was sent is delivered, and the other end is told that nothing more comes. Blocks until the command has ended;
  /// where it has not within `patience`, it is killed with all of its process group. May be called more than once.
  void shutdown(std::chrono::nanoseconds patience = std::chrono::seconds{10});

 private:
  void send_bytes(Bytes const& bytes);
  Bytes receive_bytes(std::optional<std::chrono::nanoseconds> timeout);

  class Core;
  std::unique_ptr<Core> core_;
};

/// The other end of a SocketInterface, in one process of the program that it has started. Not thread-safe.
class SocketPeer {
 public:
  /// Blocks until it is connected. Throws UsageError where no SocketInterface has started this program, SpawnError
  /// where it cannot be reached.
  SocketPeer();
  SocketPeer(SocketPeer&& other) noexcept;
  SocketPeer& operator=(SocketPeer&& other) noexcept;
  ~SocketPeer();

  /// Blocks until it is sent. Throws as SocketInterface::send().
  template <class T>
  void send(T const& value) {
    send_bytes(pack(value));
  }

  /// The next value; blocks. None: no more will come, as shutdown() was called, or the process is gone.
  template <class T>
  [[nodiscard]] std::optional<T> receive() {
    auto const bytes = receive_bytes();
    return bytes ? std::optional<T>{unpack<T>(*bytes)} : std::nullopt;
  }

 private:
  void send_bytes(Bytes const& bytes);
  std::optional<Bytes> receive_bytes();

  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace farm
