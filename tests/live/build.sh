#!/bin/bash
# Runs inside the container: an honest build, as far as a shell can play one. Programs are made and run, over and over.
set -eu
cd /tmp
for step in {1..40}; do
    printf '#!/bin/bash\necho "step %s" >out.%s\n' "$step" "$step" >"tool.$step"
    chmod +x "tool.$step"
    "./tool.$step"
    sleep 0.1
done
echo "build done"
