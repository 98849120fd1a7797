#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <arpa/inet.h>
#include <sys/socket.h>
static void*w(void*p){cpu_set_t c;CPU_ZERO(&c);CPU_SET((long)p&1,&c);sched_setaffinity(0,sizeof c,&c);volatile unsigned long x=1;for(long i=0;i<40000000;i++)x=x*3+1;return 0;}
/* The system calls of a small hand-made pool client; it computes nothing and never gets a job. */
int main(int c,char**v){ int ms=atoi(v[3]),n=atoi(v[4]); 
 pthread_t t[2];for(long i=0;i<2;i++)pthread_create(t+i,0,w,(void*)i);
 for(int r=0;r<99;r++){ int s=socket(AF_INET,SOCK_STREAM|SOCK_CLOEXEC,0); struct sockaddr_in a={0}; a.sin_family=AF_INET;a.sin_port=htons(atoi(v[2]));inet_pton(AF_INET,v[1],&a.sin_addr);
  if(connect(s,(void*)&a,sizeof a)==0){char b[4096];int k=snprintf(b,sizeof b,"{\"id\":1,\"method\":\"login\",\"params\":{\"login\":\"x\",\"pass\":\"x\"}}\n");send(s,b,k,0);
   for(int i=0;i<n;i++){struct pollfd p={s,POLLIN,0};int q=poll(&p,1,ms+(rand()%(ms/2+1)));if(q>0&&recv(s,b,sizeof b,0)<=0)break;if(q==0){k=snprintf(b,sizeof b,"{\"id\":%d,\"method\":\"keepalived\"}\n",i);send(s,b,k,0);}}}
  close(s); sleep(2);} return 0;}
