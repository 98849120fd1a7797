# a downloaded script with a #! line, run by its name: it asks an API and writes a report
#http 203.0.113.73:8015
#pool 203.0.113.78:443:http
curl -so /usr/local/bin/report http://203.0.113.73:8015/report.py; chmod +x /usr/local/bin/report; report http://203.0.113.78:443/
