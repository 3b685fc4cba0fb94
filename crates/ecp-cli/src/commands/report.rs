//! `ecp report`

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use ecp_table::{Problem, Table};

use crate::delimiter::delimiter;
use crate::output::{Output, is_dash, resolved};

/// Make one HTML page with charts from a CSV file of `ecp operations` or `ecp payouts`
///
/// The page is self-contained: no script, no network. Of the file it holds only the values of the
/// named columns and their counts. Most names of the Data API's columns are not documented, so they
/// are options. A file that was saved again by a spreadsheet is read as well.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp report january.csv --by operation_status --by payment_method --output january.html\n  ecp report payouts.csv.results.csv --by result --by code --output payouts.html"
)]
pub(crate) struct Report {
    /// The CSV file whose rows are counted, such as an export of `ecp operations`
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Count the rows by the values of this column. May be repeated
    #[arg(long, value_name = "COLUMN")]
    by: Vec<String>,

    /// Count the rows by the day in this column; by default operation_created_at, if it exists
    #[arg(long, value_name = "COLUMN")]
    day: Option<String>,

    /// The delimiter of the file; by default found from the line of column names
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    delimiter: Option<u8>,

    /// The HTML file to write; `-` is standard output
    #[arg(long, value_name = "PATH")]
    output: PathBuf,
}

/// A chart: its title, and the number of rows for each value.
struct Chart<'c> {
    title: &'c str,
    bars: Vec<(String, u64)>,
}

const CREATED: &str = "operation_created_at";
/// Maximum number of bars; the least frequent values share the last one.
const BARS: usize = 40;

impl Report {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let shown = self.file.display();
        let file = std::fs::read(&self.file)
            .with_context(|| format!("cannot read the CSV file {shown}"))?;
        if !is_dash(&self.output) && resolved(&self.output) == resolved(&self.file) {
            bail!(
                "the page would replace {shown}, the file that it is made from: name another file \
                 with --output"
            );
        }
        let is_known = |name: &str| {
            name == CREATED
                || self.day.as_deref() == Some(name)
                || self.by.iter().any(|by| by == name)
        };
        let table = Table::read(file, self.delimiter, is_known)
            .with_context(|| format!("cannot read the table in {shown}"))?;
        let columns = table.names();
        let place = |name: &str| columns.iter().position(|column| column == name);
        let named = || {
            let names: Vec<&str> =
                columns.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
            names.join(", ")
        };
        let day = self.day.as_deref().or_else(|| place(CREATED).map(|_| CREATED));
        if self.by.is_empty() && day.is_none() {
            bail!(
                "no column to count by is given: add --by or --day with one of the columns: {}",
                named()
            );
        }
        let mut rows = Vec::new();
        let mut odd = Vec::new();
        for row in table.rows() {
            match row {
                Ok(row) => rows.push(row),
                Err(problem) if problem.ends_reading => {
                    return Err(problem)
                        .with_context(|| format!("cannot read the table in {shown}"));
                }
                Err(problem) => odd.push(problem),
            }
        }
        if rows.is_empty()
            && let Some(first) = odd.first()
        {
            bail!("no row of {shown} can be read: {first}");
        }
        note_odd(&odd);
        let mut charts = Vec::new();
        for (name, is_day) in day
            .map(|name| (name, true))
            .into_iter()
            .chain(self.by.iter().map(|name| (name.as_str(), false)))
        {
            let Some(place) = place(name) else {
                bail!("{shown} has no column `{name}`; its columns are: {}", named());
            };
            if is_day {
                let others = rows.iter().filter(|row| !is_day_first(row.get(place))).count();
                if others > 0 {
                    note!(
                        "note: the column `{name}` has {others} values that do not begin with a day such as \
                         2024-01-31; they are counted by their text"
                    );
                }
            }
            charts.push(chart(name, is_day, rows.iter().map(|row| row.get(place))));
        }
        let title = self.file.file_name().unwrap_or_default().to_string_lossy();
        let page = page(&title, rows.len(), odd.len(), &charts);
        let write = || -> std::io::Result<()> {
            let mut output = Output::create(&self.output)?;
            output.write_all(page.as_bytes())?;
            output.finish()
        };
        write().with_context(|| format!("cannot write the page to {}", self.output.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Prints which rows are ignored.
fn note_odd(odd: &[Problem]) {
    const SHOWN: usize = 5;
    for problem in odd.iter().take(SHOWN) {
        note!("a row is left out: {problem}");
    }
    if odd.len() > SHOWN {
        note!("{} more rows are left out", odd.len() - SHOWN);
    }
}

/// Whether a value begins with a day such as 2024-01-31, or is empty.
fn is_day_first(value: &str) -> bool {
    let shape = |byte: u8| if byte.is_ascii_digit() { b'0' } else { byte };
    value.is_empty() || value.bytes().take(10).map(shape).eq(*b"0000-00-00")
}

/// Days in order, other values by frequency.
fn chart<'c, 'v>(title: &'c str, is_day: bool, values: impl Iterator<Item = &'v str>) -> Chart<'c> {
    let mut counts = BTreeMap::<String, u64>::new();
    for value in values {
        let value = match is_day {
            true if is_day_first(value) => value.get(..10).unwrap_or(value),
            true => value.split([' ', 'T']).next().unwrap_or(value),
            false => value,
        };
        *counts.entry(value.to_owned()).or_default() += 1;
    }
    let mut bars: Vec<(String, u64)> = counts.into_iter().collect();
    if !is_day {
        bars.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        if bars.len() > BARS {
            let others = bars.split_off(BARS);
            let count = others.iter().map(|(_, count)| count).sum();
            bars.push((format!("{} others", others.len()), count));
        }
    }
    Chart { title, bars }
}

fn page(title: &str, rows: usize, odd: usize, charts: &[Chart<'_>]) -> String {
    let title = escaped(title);
    let odd = if odd > 0 { format!(", {odd} more left out") } else { String::new() };
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <style>body{{font:16px sans-serif;margin:2em auto;max-width:50em}}\
         text{{font-size:13px}}rect{{fill:#3667a6}}</style>\n</head>\n<body>\n<h1>{title}</h1>\n\
         <p>{rows} rows{odd}</p>\n"
    );
    for chart in charts {
        let _ = write!(page, "<h2>{}</h2>\n{}", escaped(chart.title), drawing(chart));
    }
    page.push_str("</body>\n</html>\n");
    page
}

/// Draws horizontal bars, one below the other, with their numbers.
fn drawing(chart: &Chart<'_>) -> String {
    const WIDTH: u64 = 400;
    const LABEL: u64 = 240;
    const HEIGHT: usize = 22;
    let most = chart.bars.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
    let total = chart.bars.len() * HEIGHT;
    let name = escaped(chart.title);
    let mut svg =
        format!("<svg role=\"img\" aria-label=\"{name}\" width=\"720\" height=\"{total}\">\n");
    for (place, (value, count)) in chart.bars.iter().enumerate() {
        let top = place * HEIGHT;
        let width = count * WIDTH / most;
        let value = if value.is_empty() { "(none)".to_owned() } else { escaped(value) };
        // Writing to text does not fail.
        let _ = writeln!(
            svg,
            "<text x=\"0\" y=\"{}\">{value}</text><rect x=\"{LABEL}\" y=\"{}\" width=\"{width}\" \
             height=\"16\"/><text x=\"{}\" y=\"{}\">{count}</text>",
            top + 15,
            top + 3,
            LABEL + width + 6,
            top + 15,
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
