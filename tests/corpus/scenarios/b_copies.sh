# backups by every kind of copy: sendfile, splice, cp, install, ln, rename, and a copied tool that is run
cd /root; cp /etc/services a; install -m 644 a b; ln b c; mv c d; cat d | dd of=e 2>/dev/null; cp /usr/bin/sort ./mysort; ./mysort -u e | tail -2
python3 - <<'P'
import shutil,os
shutil.copyfile('/root/e','/root/f'); os.rename('/root/f','/root/g'); os.link('/root/g','/root/h'); r=os.open('/root/h',0); w=os.open('/root/i',os.O_WRONLY|os.O_CREAT); i,o=os.pipe()
while n:=os.splice(r,o,65536): os.splice(i,w,n)
P
cmp a i && echo same
