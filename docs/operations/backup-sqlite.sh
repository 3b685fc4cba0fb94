#!/bin/sh
# backup-sqlite.sh DATABASE FOLDER: a copy of an SQLite database, such as an inbox with the orders
# beside it or a journal of payouts, while its service goes on. Prints the copy's path.
#
# The copy is of one moment, in one file, for its owner alone, and was checked. It has its name when
# it is whole. docs/operations/backup.md has the way back.
set -eu
database=$1 folder=$2
umask 077
# `sqlite3` would make an empty database under a wrong name.
[ -f "$database" ] || { echo "error: there is no database $database" >&2; exit 1; }
mkdir -p "$folder"
copy=$folder/$(basename "$database").$(date -u +%Y%m%dT%H%M%SZ)
[ ! -e "$copy" ] || { echo "error: $copy is there already" >&2; exit 1; }
unfinished=$copy.unfinished
trap 'rm -f "$unfinished"' EXIT
rm -f "$unfinished"
# One reading transaction: the service writes on, and does not begin the copy anew as with `.backup`.
sqlite3 -readonly -cmd '.timeout 10000' "$database" \
    "VACUUM INTO '$(printf %s "$unfinished" | sed "s/'/''/g")'"
check=$(sqlite3 "$unfinished" 'PRAGMA integrity_check')
[ "$check" = ok ] || { echo "error: the copy is damaged: $check" >&2; exit 1; }
sync "$unfinished"
mv "$unfinished" "$copy"
echo "$copy"
