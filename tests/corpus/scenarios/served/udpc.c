#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/socket.h>
int main(int c,char**v){ int s=socket(AF_INET,SOCK_DGRAM,0); struct sockaddr_in a={0}; a.sin_family=AF_INET; a.sin_port=htons(atoi(v[2])); inet_pton(AF_INET,v[1],&a.sin_addr); connect(s,(void*)&a,sizeof a);
 for(int i=0;i<30;i++){ char b[99]; int k=snprintf(b,sizeof b,"{\"id\":%d,\"method\":\"mining.submit\"}\n",i); send(s,b,k,0); usleep(500000);} return 0; }
