# the same agent, which connects only after its shell was started
#pool 203.0.113.74:8443:http
python3 /scen/ci_agent.py late
