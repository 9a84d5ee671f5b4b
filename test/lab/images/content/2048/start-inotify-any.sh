#!/bin/sh
# The engine that reloads itself at every change in its folder, as people do it whose sidecar copies file by file: the
# last reload is the one that sees all files.
hot_files=/var/www/html/js

inotifywait --monitor --recursive --quiet --event modify,delete,create,attrib,moved_to --format '%w%f' "$hot_files" |
  while read -r file; do
    /usr/sbin/nginx -s reload && echo "reloaded for $file"
  done &

exec /bin/start-2048
