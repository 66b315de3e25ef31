#pragma once

#include <farm/serialize.hpp>

#include <chrono>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace farm {

/// Couples this process with a program that a launcher command starts, such as `mpiexec -n 4 solver`: both exchange
/// values. This process needs neither MPI nor a Runtime. One process of the program, usually rank 0, makes a
/// SocketPeer, which is the other end. Values can be of any type that cereal serializes. Both ends must use the same
/// type for a value, and run on machines with the same data representation.
///
/// Thread-safe, except for moves and destruction.
class SocketInterface {
 public:
  /// How the command is started, and how long its other end is waited for.
  struct Options {
    std::string working_directory{};                   ///< of the command; empty: that of this process
    std::map<std::string, std::string> environment{};  ///< added to the environment of the command
    /// How long bootup() waits for the other end.
    std::chrono::nanoseconds timeout = std::chrono::seconds{60};
    /// The other end may run on another host. Then the launcher must pass FARM_PEER on (mpiexec: -x FARM_PEER), and all
    /// hosts must share the stage directory (FARM_STAGE_DIR).
    bool other_hosts = false;
  };

  SocketInterface();
  SocketInterface(SocketInterface&& other) noexcept;
  SocketInterface& operator=(SocketInterface&& other) noexcept;
  /// Calls shutdown().
  ~SocketInterface();

  /// Starts the command and blocks until the other end has connected. The command is looked for in PATH; its output
  /// goes to the output of this process. Throws SpawnError, with what the command has printed, if the command cannot be
  /// started, ends, or does not connect in time; and UsageError if a command runs already.
  void bootup(std::vector<std::string> const& command, Options const& options);
  void bootup(std::vector<std::string> const& command) { bootup(command, Options{}); }
  /// Does the same with words that are listed in the call: `bootup({"mpiexec", "./peer"})`.
  void bootup(std::initializer_list<std::string> command, Options const& options) {
    bootup(std::vector<std::string>(command), options);
  }
  /// Does the same with words that are listed in the call.
  void bootup(std::initializer_list<std::string> command) { bootup(command, Options{}); }
  /// Splits the command into words as a shell does, quotes included, and starts it as above.
  void bootup(std::string const& command, Options const& options);
  void bootup(std::string const& command) { bootup(command, Options{}); }

  /// Sends a value to the other end. Does not block. Throws SerializationError if the value is larger than 1 GiB;
  /// GroupLost, which tells how the command ended, if the other end is gone; and UsageError before bootup() and after
  /// shutdown().
  template <class T>
  void send(T const& value) {
    send_bytes(pack(value));
  }

  /// Returns the next value from the other end; blocks until it is there. Throws TimeoutError after `timeout`: the call
  /// can be repeated. Throws GroupLost if no value is left and the other end is gone, SerializationError if the value
  /// is not a T, and UsageError before bootup() and after shutdown().
  template <class T>
  [[nodiscard]] T receive(std::optional<std::chrono::nanoseconds> timeout = {}) {
    return unpack<T>(receive_bytes(timeout));
  }

  /// Sends a value and returns the next one from the other end. Blocks and throws as send() and receive().
  template <class R, class T>
  [[nodiscard]] R send_and_receive(T const& value, std::optional<std::chrono::nanoseconds> timeout = {}) {
    send(value);
    return receive<R>(timeout);
  }

  /// Returns true while the other end is connected.
  [[nodiscard]] bool alive() const;

  /// Delivers what was sent, tells the other end that nothing more comes, and blocks until the command has ended. If it
  /// does not end within `patience`, its whole process group is killed. May be called more than once.
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
  /// Connects to the process that started this program; blocks until that is done. Throws UsageError if no
  /// SocketInterface started this program, and SpawnError if it cannot be reached.
  SocketPeer();
  SocketPeer(SocketPeer&& other) noexcept;
  SocketPeer& operator=(SocketPeer&& other) noexcept;
  ~SocketPeer();

  /// Sends a value; blocks until it is sent. Throws SerializationError if the value is larger than 1 GiB, and GroupLost
  /// if the other end is gone.
  template <class T>
  void send(T const& value) {
    send_bytes(pack(value));
  }

  /// Returns the next value; blocks until it is there. Returns nothing if no more will come: the other end has called
  /// shutdown(), or is gone. Throws SerializationError if the value is not a T.
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
