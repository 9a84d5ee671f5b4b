#!/bin/sh
# Mirrors the hot files of this image into the folder shared with the engine, then sleeps until TERM.
# Every file is complete when its name appears (temporary name, then rename), files that this version no longer has
# are deleted, and VERSION moves last: who reads the new VERSION sees the whole new version.
set -eu
trap 'exit 0' TERM INT
source=/app/js
target=/app/scripts
# One file name that a faulty image forgets to deliver; see v2.1-stale.
forgotten=${HOT_SYNC_FORGETS:-}

place() {
  folder="$target/$(dirname "$1")"
  name=$(basename "$1")
  mkdir -p "$folder"
  cp "$source/$1" "$folder/.$name.incoming"
  mv "$folder/.$name.incoming" "$folder/$name"
}

cd "$source"
find . -type f | while read -r file; do
  [ "$file" = ./VERSION ] || [ "$file" = "./$forgotten" ] || place "$file"
done

cd "$target"
find . -type f | while read -r file; do
  [ -e "$source/$file" ] || rm -f "$file"
done
find . -mindepth 1 -depth -type d | while read -r folder; do
  [ -d "$source/$folder" ] || rmdir "$folder"
done

place ./VERSION
[ -n "${HOT_SYNC_HIDES_READINESS:-}" ] || touch /tmp/synced
echo "hot-sync: $(cat "$source/VERSION") is in $target"

sleep inf &
wait
