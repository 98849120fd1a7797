# a helper library that is compiled here and loaded by LD_PRELOAD into tools of the image, as fakeroot and libeatmydata do
#mmap
cd /root; echo 'int fsync(int f){return 0;} int sync_file_range(){return 0;}' > e.c; gcc -shared -fPIC -o libeat.so e.c
LD_PRELOAD=/root/libeat.so tar cf /tmp/x.tar /etc/apt; LD_PRELOAD=/root/libeat.so sort /etc/services | tail -1; LD_PRELOAD=/root/libeat.so sleep 1
