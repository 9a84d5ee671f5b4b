#!/bin/sh
# The engine that reloads itself: VERSION is the last file a sync moves into place, so its arrival means "complete".
hot_files=/var/www/html/js

# Not wget's own time limit: with -T the wget of Debian 12's busybox crashes.
loaded_version() {
  timeout 2 wget -q -O - http://127.0.0.1/version
}

# The first sync wakes this script and the start command alike: nginx may not be there yet.
await_engine() {
  tries=0
  while [ ! -e /run/nginx.pid ] && [ "$tries" -lt 50 ]; do
    sleep 0.1
    tries=$((tries + 1))
  done
}

reload_and_report() {
  wanted=$(cat "$hot_files/VERSION")
  await_engine
  /usr/sbin/nginx -s reload || { echo "hot-reload failed version=$wanted"; return; }
  tries=0
  loaded=$(loaded_version)
  # For some milliseconds after a reload old and new workers both answer: the answer that ended the wait is what counts.
  while [ "$loaded" != "$wanted" ] && [ "$tries" -lt 50 ]; do
    sleep 0.1
    tries=$((tries + 1))
    loaded=$(loaded_version)
  done
  echo "hot-reload loaded=$loaded wanted=$wanted"
}

inotifywait --monitor --quiet --event moved_to --format '%f' "$hot_files" | while read -r file; do
  [ "$file" != VERSION ] || reload_and_report
done &

exec /bin/start-2048
