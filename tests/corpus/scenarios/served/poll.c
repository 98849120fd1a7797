#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/socket.h>
int main(int c,char**v){ /* poll IP PORT N MS */
 int n=atoi(v[3]),ms=atoi(v[4]);
 for(int i=0;i<n;i++){ int s=socket(AF_INET,SOCK_STREAM|SOCK_CLOEXEC,0); struct sockaddr_in a={0}; a.sin_family=AF_INET;a.sin_port=htons(atoi(v[2]));inet_pton(AF_INET,v[1],&a.sin_addr);
  if(connect(s,(void*)&a,sizeof a)==0){char b[4096];int k=snprintf(b,sizeof b,"GET /health HTTP/1.1\r\nHost: x\r\nUser-Agent: poll/1\r\nConnection: close\r\n\r\n");write(s,b,k);read(s,b,sizeof b);}
  close(s); usleep(ms*1000);} puts("done"); return 0;}
