/* Runs a program under an allocator; says what it took.
 *
 *   measure REPORT PRELOAD PROGRAM [ARGUMENT…]
 *
 * PRELOAD becomes the program's LD_PRELOAD; an empty one leaves it without.
 * REPORT gets one line: wall seconds, processor seconds, the peak memory in
 * KiB of the largest process, and the status as wait() gives it. SIGTERM goes
 * on to the program: that ends a server.
 *
 * Built and called by `common/course programs`. A process of its own, and a
 * small one: what Linux calls a process's peak begins with that of whoever
 * forked it, so a program started by Python would never have less than Python.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile pid_t child;

static void PassOn(int number) {
  if (child > 0) kill(child, number);
}

static double Now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double Seconds(struct timeval time) {
  return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

/* In the child; does not come back. */
static void Become(const char* preload, char** words) {
  if (preload[0] != '\0') {
    setenv("LD_PRELOAD", preload, 1);
  } else {
    unsetenv("LD_PRELOAD");
  }
  signal(SIGTERM, SIG_DFL);
  signal(SIGINT, SIG_DFL); /* a shell's background jobs ignore it */
  execvp(words[0], words);
  perror(words[0]);
  _exit(127);
}

int main(int count, char** words) {
  if (count < 4) {
    fprintf(stderr, "usage: measure REPORT PRELOAD PROGRAM [ARGUMENT...]\n");
    return 2;
  }
  signal(SIGTERM, PassOn);
  prctl(PR_SET_PDEATHSIG, SIGTERM); /* whoever measures was killed */
  const double start = Now();
  child = fork();
  if (child < 0) {
    perror("fork");
    return 2;
  }
  if (child == 0) Become(words[2], words + 3);
  int status = 0;
  struct rusage used;
  while (wait4(child, &status, 0, &used) < 0) {
    if (errno != EINTR) return 2;
  }
  const double seconds = Now() - start;
  FILE* report = fopen(words[1], "w");
  if (report == NULL) {
    perror(words[1]);
    return 2;
  }
  fprintf(report, "%.6f %.6f %ld %d\n", seconds,
          Seconds(used.ru_utime) + Seconds(used.ru_stime), used.ru_maxrss,
          status);
  return fclose(report) == 0 ? 0 : 2;
}
