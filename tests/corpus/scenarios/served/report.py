#!/usr/bin/env python3
import sys,urllib.request,json,time
out=open('/root/report.txt','w')
for i in range(6): out.write(json.dumps(json.loads(urllib.request.urlopen(sys.argv[1]+'item/%d'%i).read()))+'\n'); time.sleep(0.2*i)
