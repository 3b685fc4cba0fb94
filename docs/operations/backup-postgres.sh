#!/bin/sh
# backup-postgres.sh DATABASE FOLDER [SCHEMA ..]: dumps a Postgres database, or some of its schemas
# (`ecp_inbox` is the inbox), while the service runs. Prints the path of the dump.
#
# DATABASE is an address as `psql` takes it; the password comes from PGPASSWORD or ~/.pgpass. The
# server must be reached directly or through a pooler in session mode. The dump has the state of one
# moment, in one file with mode 0600. It gets its name after a check. docs/operations/backup.md
# explains how to restore it.
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
    set -- "$@" "--schema=$schema"
    shift
done
# `--strict-names`: a missing schema is an error and not an empty dump.
pg_dump --dbname="$database" --format=custom --strict-names "$@" --file="$unfinished"
# Checks that the whole dump can be read.
pg_restore --file=/dev/null "$unfinished"
sync "$unfinished"
mv "$unfinished" "$dump"
echo "$dump"
