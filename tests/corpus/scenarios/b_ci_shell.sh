# a CI agent of the image that starts bash on pipes, renews its lease while the job runs, and sends the log
#pool 203.0.113.74:8443:http
python3 /scen/ci_agent.py first
