# an inventory's agent of the image with a JIT, behind a script in python, reports again and again
#bind served:/opt/agent
#pool 203.0.113.96:8443:http
python3 -c 'import subprocess; subprocess.run(["/opt/agent/inv","203.0.113.96","8443","5","2555904"])'
