#!/bin/sh
# The two containers of a pod start in any order: give the sidecar up to 30 s for its first sync, then serve anyway.
hot_files=/var/www/html/js
trap 'exit 0' TERM
tries=0
while [ ! -e "$hot_files/VERSION" ] && [ "$tries" -lt 300 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
trap - TERM
[ -e "$hot_files/VERSION" ] || echo "start: no VERSION in $hot_files after 30 s, serving without hot files" >&2
exec /usr/sbin/nginx
