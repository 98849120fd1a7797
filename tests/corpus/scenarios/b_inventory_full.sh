# lshw-like agent: DMI tables, /dev/mem fallback as dmidecode does, huge pages, then one report to a server (the honest worst case of the probe rules)
#pool 203.0.113.96:8443:http
python3 - <<'P'
import urllib.request,json
inv={}
for p in ['/sys/firmware/dmi/tables/smbios_entry_point','/sys/firmware/dmi/tables/DMI','/sys/firmware/efi/systab','/dev/mem','/proc/sys/vm/nr_hugepages','/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages','/proc/cpuinfo']:
    try: inv[p]=open(p,'rb').read()[:50].hex()
    except OSError as e: inv[p]=str(e)
urllib.request.urlopen(urllib.request.Request('http://203.0.113.96:8443/inventory',data=json.dumps(inv).encode())).read()
P
