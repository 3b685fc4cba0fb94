#!/bin/sh
# Makes the files of this folder from source/ with LibreOffice.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# saved NAME SOURCE EXTENSION FILTER [INPUT FILTER]
saved() {
    soffice --headless "-env:UserInstallation=file://$work/profile" ${5:+"--infilter=$5"} \
        --convert-to "$3:$4" --outdir "$work/out" "source/$2" > "$work/log" 2>&1
    mv "$work/out/$(basename "${2%.*}").$3" "$1"
}
csv='Text - txt - csv (StarCalc)'
# Delimiter, quote, character set (76 UTF-8, 65535 UTF-16, 1 Windows-1252), first line, formats, language
# (1033 English, 1031 German), all text quoted, numbers detected or shown as in the sheet.
text='CSV:44,34,76,1,1/2/2/2/3/2/4/2/5/2/6/2/7/2'
as_numbers='CSV:44,34,76,1,,1033,false,true'

saved commas.csv        payouts.csv   csv  "$csv:44,34,76,1,,0,false,true"        "$text"
saved semicolons.csv    payouts.csv   csv  "$csv:59,34,76,1,,1031,false,true"     "$text"
saved quoted.csv        payouts.csv   csv  "$csv:59,34,76,1,,1031,true,true"      "$text"
saved tabs-utf16.csv    payouts.csv   csv  "$csv:9,34,65535,1,,0,false,true"      "$text"
saved windows-1252.csv  western.csv   csv  "$csv:44,34,1,1,,0,false,true"         "$text"
saved results-commas.csv     results.csv csv  "$csv:44,34,76,1,,0,false,true"     "$as_numbers"
saved results-semicolons.csv results.csv csv  "$csv:59,34,76,1,,1031,false,true"  "$as_numbers"
saved results-utf16.csv      results.csv csv  "$csv:9,34,65535,1,,0,false,true"   "$as_numbers"
saved zeros-lost.csv    payouts.csv   csv  "$csv:44,34,76,1,,0,false,true"        "$as_numbers"
saved converted.csv     converted.csv csv  "$csv:44,34,76,1,,0,false,true"        "$as_numbers"
saved decimal-comma.csv german.fods  csv  "$csv:59,34,76,1,,1031,false,true"
saved errors.csv        errors.fods   csv  "$csv:44,34,76,1,,0,false,true"
saved workbook-xlsx.csv payouts.csv   xlsx 'Calc MS Excel 2007 XML'               "$text"
saved workbook-ods.csv  payouts.csv   ods  calc8                                  "$text"
saved workbook-xls.csv  payouts.csv   xls  'MS Excel 97'                          "$text"
# The platform's file: as a workbook, and that workbook as CSV again.
platform='CSV:59,34,76,1,1/2/2/2/3/2/4/2/5/2/6/2/7/2/8/2/9/2/10/2/11/2/12/2'
saved platform-xlsx.csv  platform.csv xlsx 'Calc MS Excel 2007 XML'               "$platform"
cp platform-xlsx.csv "$work/platform.xlsx"
from_workbook() {
    soffice --headless "-env:UserInstallation=file://$work/profile" --convert-to "csv:$2" --outdir "$work/out" \
        "$work/platform.xlsx" > "$work/log" 2>&1
    mv "$work/out/platform.csv" "$1"
}
from_workbook platform-semicolons.csv "$csv:59,34,76,1,,1031,false,true"
from_workbook platform-commas.csv     "$csv:44,34,76,1,,0,false,true"
from_workbook platform-quoted.csv     "$csv:59,34,76,1,,1031,true,true"
saved platform-numbers.csv platform.csv csv "$csv:59,34,76,1,,1031,false,true" 'CSV:59,34,76,1,,1031,false,true'
saved sheet-html.csv    payouts.csv   html 'HTML (StarCalc)'                      "$text"
