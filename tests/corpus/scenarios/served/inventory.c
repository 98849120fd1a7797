#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <unistd.h>
/* An inventory tool with a just-in-time compiler for its filter expressions; inventory-plain is built without PROT_EXEC
   and the call. With an address it reports there once. */
static const char *const asked[] = {"/proc/cpuinfo", "/proc/meminfo", "/proc/sys/vm/nr_hugepages",
  "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "/sys/firmware/dmi/tables/smbios_entry_point",
  "/sys/firmware/dmi/tables/DMI", "/dev/mem"};
int main(int argc, char **argv) {
  unsigned char *code = mmap(0, 65536, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(code, "\xb8\x07\0\0\0\xc3", 6);
  char report[4096]; int used = 0, keep = ((int (*)(void))code)();
  for (int i = 0; i < keep; i++) {
    char b[64]; int fd = open(asked[i], O_RDONLY), n = fd < 0 ? -1 : (int)read(fd, b, sizeof b);
    used += snprintf(report + used, sizeof report - used, "{\"path\":\"%s\",\"bytes\":%d}\n", asked[i], n);
    if (fd >= 0) close(fd);
  }
  write(1, report, used);
  sleep(1);
  if (argc > 2) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    inet_pton(AF_INET, argv[1], &a.sin_addr);
    int s = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(s, (void *)&a, sizeof a) == 0) { dprintf(s, "POST /inventory HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s", used, report); read(s, report, sizeof report); }
    close(s);
  }
  return 0;
}
