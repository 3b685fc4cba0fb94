//! `ecp operations`

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use ecp_core::ProjectId;
use ecp_transport::{DataApi, DataOperation, Destination, OperationsQuery};
use serde_json::{Map, Value};

use crate::fields::pair;
use crate::interval::{Asked, IntervalOptions};
use crate::output::{Output, is_closed, is_json};
use crate::profile::{Profile, ProfileOptions};
use crate::rows;
use crate::usage::Usage;

/// Export past operations from the platform's Data API, or have them sent to an address
///
/// The Data API has its own token and key: name the environment variables that hold them in the
/// profile, as data_token_env and data_key_env. The columns are the paths of the platform's
/// members, which are not documented in full. The file may hold personal data. Lines of JSON are
/// written page by page; CSV and workbooks when all operations have been read. Texts that do not
/// fit a cell of a workbook are cut, with a warning that names the operation and the column.
///
/// With --destination nothing is written: the platform sends each page to that address as signed
/// JSON, where a receiver of yours takes it.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp operations --profile shop --from '2024-01-01 00:00:00' --to '2024-01-31 23:59:59' --output january.xlsx\n  ecp operations --profile shop --from '2024-01-01 00:00:00' --to '2024-01-31 23:59:59' --filter 'operation_type=[\"payout\"]' --format json | jq .\n  ecp operations --profile shop --from '2024-01-01 00:00:00' --to '2024-01-31 23:59:59' --destination https://shop.example/operations/5fe1c9\n\nExit codes:\n  0  all operations are exported, or asked to be sent\n  1  they are not\n  2  the command line was wrong"
)]
pub(crate) struct Operations {
    #[command(flatten)]
    interval: IntervalOptions,

    /// Another project to export, besides the profile's. May be repeated
    #[arg(long, value_name = "ID")]
    project: Vec<ProjectId>,

    /// Only this member of each operation, by the Data API's name for it, as in payment_id. May be
    /// repeated
    #[arg(long = "field", value_name = "NAME")]
    fields: Vec<String>,

    /// Another member of the query to the Data API, with its value in JSON, as in
    /// `operation_type=["payout"]`. May be repeated
    #[arg(long, value_name = "NAME=JSON", value_parser = pair)]
    filter: Vec<(String, String)>,

    /// Have the platform send each page of operations to this address of yours, and write nothing
    #[arg(long, value_name = "URL", value_parser = Destination::new, conflicts_with_all = ["format", "output"])]
    destination: Option<Destination>,

    /// The name of the query's member that holds the destination. The platform's documents do not
    /// say it: ask the platform's support
    #[arg(long, value_name = "NAME", default_value = ecp_transport::DESTINATION_NAME, requires = "destination")]
    destination_name: String,

    /// Leave out this many operations at the beginning, such as those of earlier pages
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    offset: usize,

    #[command(flatten)]
    profile: ProfileOptions,

    /// The format of the output; by default the ending of its name, or csv if it has none and json
    /// with --json
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,

    /// The output file; by default, and as `-`, standard output
    #[arg(long, value_name = "PATH")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    /// One JSON object a line
    Json,
    Xlsx,
}

impl Operations {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let format = self.format()?;
        if format == Format::Xlsx && self.output.is_none() {
            return Err(Usage("the format xlsx needs the name of a file: add --output PATH").into());
        }
        let profile = self.profile.load()?;
        let query = self.query(&profile)?;
        let api = profile.data_api()?;
        let runtime = crate::runtime::start()?;
        if let Some(destination) = &self.destination {
            let api = api.destination_name(&self.destination_name);
            let delivered = runtime.block_on(self.deliver(&api, query, destination));
            delivered.map_err(|error| profile.with_address(error))?;
            return Ok(ExitCode::SUCCESS);
        }
        let pages = api.operations(query);
        match &self.output {
            None => runtime
                .block_on(export(pages, format, &mut crate::output::stdout()))
                .map_err(|error| profile.with_address(error))?,
            Some(path) => {
                let problem = || format!("cannot write the operations to {}", path.display());
                let mut file = Output::create(path).with_context(problem)?;
                runtime
                    .block_on(export(pages, format, &mut file))
                    .map_err(|error| profile.with_address(error))?;
                file.finish().with_context(problem)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Asks for each page until the platform's answer shows the last one.
    async fn deliver(
        &self,
        api: &DataApi,
        query: OperationsQuery,
        destination: &Destination,
    ) -> anyhow::Result<()> {
        let mut next = Some(query);
        let (mut pages, mut count) = (0, 0);
        while let Some(query) = next.take() {
            let requested = api.request_delivery(&query, destination).await?;
            pages += 1;
            let Some(operations) = requested.operations else {
                note!(
                    "the platform was asked to send one page; its answer does not say how many \
                     operations the page has: if it has {most}, ask for the next page with \
                     --offset {offset}",
                    most = OperationsQuery::LARGEST_PAGE,
                    offset = self.offset + OperationsQuery::LARGEST_PAGE
                );
                return Ok(());
            };
            count += operations;
            next = requested.next;
        }
        note!("the platform was asked to send {count} operations; pages: {pages}");
        Ok(())
    }

    fn format(&self) -> anyhow::Result<Format> {
        let ending = self.output.as_ref().and_then(|path| path.extension()?.to_str());
        if let Some(format) = self.format {
            return Ok(format);
        }
        Ok(match ending {
            None if is_json() => Format::Json,
            None => Format::Csv,
            Some("json" | "jsonl") => Format::Json,
            Some(ending) => match ending.parse() {
                Ok(ecp_reports::Format::Csv) => Format::Csv,
                Ok(ecp_reports::Format::Xlsx) => Format::Xlsx,
                Err(error) => {
                    let advice = "the name of --output may also end in .json or .jsonl; with \
                                  --format it may have any ending";
                    return Err(anyhow::Error::from(Usage(advice)).context(error));
                }
            },
        })
    }

    fn query(&self, profile: &Profile) -> anyhow::Result<OperationsQuery> {
        let projects = std::iter::once(profile.project).chain(self.project.iter().copied());
        let Asked { from, to, tz, note } = self.interval.asked()?;
        if let Some(note) = note {
            note!("note: {note}");
        }
        let mut query = OperationsQuery::new(projects, &from, &to)?.time_zone(tz);
        query = query.offset(self.offset);
        if !self.fields.is_empty() {
            query = query.fields(self.fields.iter().map(String::as_str));
        }
        for (name, json) in &self.filter {
            let value: Value = serde_json::from_str(json).map_err(|error| {
                anyhow!(
                    "the value of `--filter {name}` is not JSON: {error}; the shell removes quotes, so put \
                     the whole filter into single quotes, such as 'operation_type=[\"payout\"]'"
                )
            })?;
            query = query.filter(name, value);
        }
        Ok(query)
    }
}

/// Lines of JSON are written page by page. A table needs all operations first, because any of them
/// may add a column.
async fn export(
    mut pages: ecp_transport::Operations,
    format: Format,
    output: &mut impl Write,
) -> anyhow::Result<()> {
    let (mut all, mut count) = (Vec::new(), 0);
    while let Some(page) = pages.next_page().await? {
        count += page.len();
        match format {
            Format::Json => json(&page, output)?,
            Format::Csv | Format::Xlsx => all.extend(page),
        }
        note!("{count} operations");
        if is_closed() {
            return Ok(());
        }
    }
    let format = match format {
        Format::Json => return Ok(output.flush()?),
        Format::Csv => ecp_reports::Format::Csv,
        Format::Xlsx => ecp_reports::Format::Xlsx,
    };
    let table = rows::table(&all);
    let written = table.write(format)?;
    for warning in written.warnings.iter().take(WARNINGS) {
        note!("warning: {}", rows::describe(warning, &table));
    }
    if written.warnings.len() > WARNINGS {
        note!(
            "warning: {} more cells do not hold their whole value",
            written.warnings.len() - WARNINGS
        );
    }
    output.write_all(&written.bytes)?;
    Ok(output.flush()?)
}

fn json(operations: &[DataOperation], output: &mut impl Write) -> anyhow::Result<()> {
    for operation in operations {
        let text = |(path, value): (&str, &str)| (path.to_owned(), Value::from(value));
        let object: Map<String, Value> = operation.iter().map(text).collect();
        serde_json::to_writer(&mut *output, &object)?;
        output.write_all(b"\n")?;
    }
    Ok(())
}

/// Maximum number of warnings shown.
const WARNINGS: usize = 20;
