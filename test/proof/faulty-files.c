/*
 * Preloaded into a command: counts what it changes below some folders, and at a chosen change fails like a full or
 * broken disk, or kills the command. faulty-files.ts says how it is told.
 *
 * FAULTY_CONTROL  file of struct control, shared by the command and the programs that it starts
 * FAULTY_UNDER    folders, separated by colons
 * CLOCK_AHEAD     by how many seconds the command's calendar runs ahead
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum action { COUNT, FAIL_ONCE, FAIL_FROM, KILL_BEFORE, KILL_HALFWAY };

struct control {
	unsigned int changes;	/* so far */
	unsigned int at;	/* which one goes wrong, from 1 */
	unsigned int action;
	int error;		/* errno of a failure */
	int command;		/* process id of the first that was loaded since the last command ended: the command itself */
	unsigned int failed;	/* how many have gone wrong */
};

static struct control *control;
static const char *folders;
static long seconds_ahead;

/* open64 and its like are the same calls: off_t has 64 bits. */
#define REAL(name) \
	static __typeof__(name) *real; \
	if (real == NULL) \
		real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void start(void)
{
	const char *file = getenv("FAULTY_CONTROL");
	int former, fd;
	void *map;

	if (getenv("CLOCK_AHEAD") != NULL)
		seconds_ahead = atol(getenv("CLOCK_AHEAD"));
	folders = getenv("FAULTY_UNDER");
	if (file == NULL || folders == NULL)
		return;
	fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC, 0);
	if (fd < 0)
		return;
	map = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return;
	control = map;
	former = control->command;
	if (former == 0 || kill(former, 0) != 0)
		control->command = getpid();
}

static int is_watched(const char *path)
{
	const char *folder = folders;

	while (*folder != '\0') {
		const char *end = strchrnul(folder, ':');
		size_t length = (size_t)(end - folder);

		if (strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0'))
			return 1;
		folder = *end == ':' ? end + 1 : end;
	}
	return 0;
}

static int is_watched_at(int dir, const char *path)
{
	char link[64], base[4096], whole[8192];
	ssize_t length;

	if (path[0] == '/')
		return is_watched(path);
	if (dir == AT_FDCWD)
		strcpy(link, "/proc/self/cwd");
	else
		snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	length = readlink(link, base, sizeof(base) - 1);
	if (length < 0)
		return 0;
	base[length] = '\0';
	snprintf(whole, sizeof(whole), "%s/%s", base, path);
	return is_watched(whole);
}

static int is_watched_fd(int fd)
{
	char link[64], path[4096];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	if (length <= 0)
		return 0;
	path[length] = '\0';
	return is_watched(path);
}

static void kill_command(void)
{
	kill(control->command, SIGKILL);
	for (;;)
		pause();
}

enum verdict { GO_ON, HALF, FAIL };

/* What becomes of the next change. */
static enum verdict next_change(void)
{
	unsigned int number = __atomic_add_fetch(&control->changes, 1, __ATOMIC_SEQ_CST);
	int is_it = number == control->at;
	int is_after = number > control->at && control->action == FAIL_FROM;

	if (control->action == COUNT || !(is_it || is_after))
		return GO_ON;
	__atomic_add_fetch(&control->failed, 1, __ATOMIC_SEQ_CST);
	if (control->action == KILL_BEFORE)
		kill_command();
	return is_after || control->action == FAIL_ONCE ? FAIL : HALF;
}

static int fails(void)
{
	switch (next_change()) {
	case GO_ON:
		return 0;
	case HALF:
		if (control->action == KILL_HALFWAY)
			kill_command();
		break;
	case FAIL:
		break;
	}
	errno = control->error;
	return 1;
}

/* A disk that fills up takes the first half of what is written. */
#define WRITE_HALF(whole, half) \
	do { \
		ssize_t written; \
		if (control == NULL || !is_watched_fd(fd)) \
			return whole; \
		switch (next_change()) { \
		case GO_ON: \
			return whole; \
		case HALF: \
			written = half; \
			if (control->action == KILL_HALFWAY) \
				kill_command(); \
			if (written > 0) \
				return written; \
			/* fall through */ \
		case FAIL: \
			errno = control->error; \
		} \
		return -1; \
	} while (0)

ssize_t write(int fd, const void *bytes, size_t size)
{
	REAL(write);
	WRITE_HALF(real(fd, bytes, size), size > 1 ? real(fd, bytes, size / 2) : 0);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	REAL(pwrite);
	WRITE_HALF(real(fd, bytes, size, offset), size > 1 ? real(fd, bytes, size / 2, offset) : 0);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset)
{
	return pwrite(fd, bytes, size, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	REAL(writev);
	WRITE_HALF(real(fd, parts, count), count > 1 ? real(fd, parts, count / 2) : 0);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
	REAL(pwritev);
	WRITE_HALF(real(fd, parts, count, offset), count > 1 ? real(fd, parts, count / 2, offset) : 0);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset)
{
	return pwritev(fd, parts, count, offset);
}

/* Only what would make a file: opening one that is there takes no room. */
static int may_open(int dir, const char *path, int flags)
{
	struct stat found;

	if (control == NULL || (flags & O_CREAT) == 0 || !is_watched_at(dir, path))
		return 1;
	if (fstatat(dir, path, &found, 0) == 0 && (flags & O_TRUNC) == 0)
		return 1;
	return !fails();
}

#define MODE_OF(flags, mode) \
	do { \
		va_list rest; \
		va_start(rest, flags); \
		if (((flags) & O_CREAT) != 0 || ((flags) & O_TMPFILE) == O_TMPFILE) \
			mode = va_arg(rest, mode_t); \
		va_end(rest); \
	} while (0)

int openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;

	REAL(openat);
	MODE_OF(flags, mode);
	return may_open(dir, path, flags) ? real(dir, path, flags, mode) : -1;
}

int openat64(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_OF(flags, mode);
	return openat(dir, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_OF(flags, mode);
	return openat(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_OF(flags, mode);
	return openat(AT_FDCWD, path, flags, mode);
}

int mkdir(const char *path, mode_t mode)
{
	struct stat found;

	REAL(mkdir);
	if (control != NULL && is_watched_at(AT_FDCWD, path) && stat(path, &found) != 0 && fails())
		return -1;
	return real(path, mode);
}

/* A name that is there already takes no room. */
static int may_rename(const char *to)
{
	struct stat found;
	int takes_room;

	if (control == NULL || !is_watched_at(AT_FDCWD, to))
		return 1;
	takes_room = control->action != FAIL_ONCE && control->action != FAIL_FROM ? 1 : lstat(to, &found) != 0;
	return !takes_room || !fails();
}

int rename(const char *from, const char *to)
{
	REAL(rename);
	return may_rename(to) ? real(from, to) : -1;
}

/* Some file systems find room only when they are made to write. */
int fsync(int fd)
{
	REAL(fsync);
	if (control != NULL && is_watched_fd(fd) && fails())
		return -1;
	return real(fd);
}

int fdatasync(int fd)
{
	REAL(fdatasync);
	if (control != NULL && is_watched_fd(fd) && fails())
		return -1;
	return real(fd);
}

int ftruncate(int fd, off_t size)
{
	struct stat found;

	REAL(ftruncate);
	if (control != NULL && is_watched_fd(fd) && fstat(fd, &found) == 0 && size > found.st_size && fails())
		return -1;
	return real(fd, size);
}

int ftruncate64(int fd, off_t size)
{
	return ftruncate(fd, size);
}

int posix_fallocate(int fd, off_t offset, off_t size)
{
	REAL(posix_fallocate);
	if (control != NULL && is_watched_fd(fd) && fails())
		return control->error;
	return real(fd, offset, size);
}

int posix_fallocate64(int fd, off_t offset, off_t size)
{
	return posix_fallocate(fd, offset, size);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int result;

	REAL(clock_gettime);
	result = real(clock, now);
	if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += seconds_ahead;
	return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	static int (*real)(struct timeval *restrict, void *restrict);
	int result;

	if (real == NULL)
		real = (int (*)(struct timeval *restrict, void *restrict))dlsym(RTLD_NEXT, "gettimeofday");
	result = real(now, zone);
	if (result == 0)
		now->tv_sec += seconds_ahead;
	return result;
}

time_t time(time_t *result)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (result != NULL)
		*result = now.tv_sec;
	return now.tv_sec;
}
