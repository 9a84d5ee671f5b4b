#!/bin/bash
# The command that hotwave "executes in a pod" of the fleet lab: fleet-engine VERB NAMESPACE/NAME, where VERB is
# reload, version, files, healthz or stats. Prints the engine's answer; exit code 1 when it is not a success.
# Bash alone, because it runs hundreds of times in a row: no other program is started.
set -eu
verb=${1:?verb} server=${2:?namespace/name}
method=GET
[[ $verb != reload ]] || method=POST

exec 3<>"/dev/tcp/127.0.0.1/${HOTWAVE_FLEET_ENGINE_PORT:?}"
printf '%s /servers/%s/%s HTTP/1.0\r\n\r\n' "$method" "$server" "$verb" >&3
read -r _ status _ <&3
while IFS= read -r line <&3 && [[ $line != $'\r' ]]; do :; done
while IFS= read -r line <&3 || [[ -n $line ]]; do printf '%s\n' "$line"; done
[[ $status == 2* ]]
