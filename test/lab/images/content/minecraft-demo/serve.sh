#!/bin/sh
# A stand-in for an engine that is replaced as a whole: it answers /version with the version of its image.
trap 'exit 0' TERM INT
httpd -f -p 80 -h /srv &
wait
