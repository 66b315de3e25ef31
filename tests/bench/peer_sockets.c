/* Sends 64 bytes there and back over a Unix socket between two processes, which both poll, or both sleep. */
#define _POSIX_C_SOURCE 200112L
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { tasks = 10000, size = 64 };

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec * 1e-3;
}

static void receive(int socket, int sleeps) {
  char bytes[size];
  for (;;) {
    ssize_t const count = recv(socket, bytes, size, MSG_DONTWAIT);
    if (count == size) return;
    if (count >= 0 || errno != EAGAIN) exit(1);
    struct pollfd wait = {.fd = socket, .events = POLLIN};
    if (sleeps) poll(&wait, 1, -1);
  }
}

static void give(int socket) {
  char const bytes[size] = {0};
  if (send(socket, bytes, size, MSG_NOSIGNAL) != size) exit(1);
}

static int by_value(void const* a, void const* b) {
  double const x = *(double const*)a;
  double const y = *(double const*)b;
  return (x > y) - (x < y);
}

static double median_us(int sleeps) {
  static double times[tasks];
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) exit(1);
  pid_t const child = fork();
  if (child < 0) exit(1);
  int const end = ends[child == 0];
  close(ends[child != 0]);
  for (int i = 0; i < tasks; ++i) {
    double const start = now_us();
    if (child != 0) give(end);
    receive(end, sleeps);
    if (child == 0) give(end);
    times[i] = now_us() - start;
  }
  if (child == 0) _exit(0);
  waitpid(child, NULL, 0);
  close(end);
  qsort(times, tasks, sizeof times[0], by_value);
  return times[tasks / 2];
}

int main(void) {
  double const polling = median_us(0);
  double const sleeping = median_us(1);
  printf("socket_polling_us %.3f\nsocket_sleeping_us %.3f\n", polling, sleeping);
  return 0;
}
