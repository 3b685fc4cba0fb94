#!/bin/sh
# backup-postgres.sh DATABASE FOLDER [SCHEMA ..]: a dump of a Postgres database, or of some of its
# schemas (`ecp_inbox` is the inbox), while the service goes on. Prints the dump's path.
#
# DATABASE is an address as `psql` takes it; the password comes from PGPASSWORD or ~/.pgpass. The
# server must be reached directly or through a pooler in session mode. The dump is of one moment, for
# its owner alone, and has its name when it is whole. docs/operations/backup.md has the way back.
set -eu
database=$1 folder=$2
shift 2
umask 077
mkdir -p "$folder"
dump=$folder/ecp.$(date -u +%Y%m%dT%H%M%SZ).dump
[ ! -e "$dump" ] || { echo "error: $dump is there already" >&2; exit 1; }
unfinished=$dump.unfinished
trap 'rm -f "$unfinished"' EXIT
for schema; do
    # A schema that is not there would be left out without a word.
    set -- "$@" "--schema=$schema"
    shift
done
pg_dump --dbname="$database" --format=custom --strict-names "$@" --file="$unfinished"
# Reads the whole dump, and writes it nowhere.
pg_restore --file=/dev/null "$unfinished"
sync "$unfinished"
mv "$unfinished" "$dump"
echo "$dump"
