#!/bin/sh
# backup-sqlite.sh DATABASE FOLDER: copies an SQLite database, such as an inbox with the orders
# beside it or a journal of payouts, while its service runs. Prints the path of the copy.
#
# The copy has the state of one moment, in one file with mode 0600. It gets its name after a check.
# docs/operations/backup.md explains how to restore it.
set -eu
database=$1 folder=$2
umask 077
# For a wrong name `sqlite3` would make an empty database.
[ -f "$database" ] || { echo "error: there is no database $database" >&2; exit 1; }
mkdir -p "$folder"
copy=$folder/$(basename "$database").$(date -u +%Y%m%dT%H%M%SZ)
[ ! -e "$copy" ] || { echo "error: $copy is there already" >&2; exit 1; }
unfinished=$copy.unfinished
trap 'rm -f "$unfinished"' EXIT
rm -f "$unfinished"
# Reads in one transaction while the service writes. `.backup` would begin again after each write.
sqlite3 -readonly -cmd '.timeout 10000' "$database" \
    "VACUUM INTO '$(printf %s "$unfinished" | sed "s/'/''/g")'"
check=$(sqlite3 "$unfinished" 'PRAGMA integrity_check')
[ "$check" = ok ] || { echo "error: the copy is damaged: $check" >&2; exit 1; }
sync "$unfinished"
mv "$unfinished" "$copy"
echo "$copy"
