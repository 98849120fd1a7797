import http.client, subprocess, sys, time
server = http.client.HTTPConnection("203.0.113.74", 8443)
def post(path, body=b""):
    server.request("POST", path, body); server.getresponse().read()
def job(n):
    shell = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    for line in ("cd /tmp", "echo 'int main(){return 0;}' > t.c", "gcc -o t t.c", "./t && echo passed"):
        shell.stdin.write(line.encode() + b"\n"); shell.stdin.flush()
        time.sleep(0.3)
        post(f"/lease/{n}")
    shell.stdin.close()
    post(f"/log/{n}", shell.stdout.read())
if sys.argv[1] == "first": post("/register")
for n in (1, 2): job(n)
