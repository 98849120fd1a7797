/* A hardware inventory: firmware tables, huge pages, /dev/mem as dmidecode; filters compiled at run time; reports. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <arpa/inet.h>
#include <sys/socket.h>
int main(int c,char**v){ int n=atoi(v[3]); size_t jit=atol(v[4]);
 if(jit){void*m=mmap(0,jit,7,MAP_PRIVATE|MAP_ANONYMOUS,-1,0);(void)m;}
 const char*p[]={"/sys/firmware/dmi/tables/smbios_entry_point","/sys/firmware/dmi/tables/DMI","/dev/mem","/proc/sys/vm/nr_hugepages","/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages","/proc/cpuinfo","/proc/meminfo"};
 char b[4096];for(int i=0;i<7;i++){int f=open(p[i],O_RDONLY);if(f>=0){read(f,b,sizeof b);close(f);}}
 for(int i=0;i<n;i++){int s=socket(AF_INET,SOCK_STREAM|SOCK_CLOEXEC,0); struct sockaddr_in a={0}; a.sin_family=AF_INET;a.sin_port=htons(atoi(v[2]));inet_pton(AF_INET,v[1],&a.sin_addr);
  if(connect(s,(void*)&a,sizeof a)==0){int k=snprintf(b,sizeof b,"POST /inventory HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");write(s,b,k);read(s,b,sizeof b);} close(s); sleep(2);}
 return 0;}
