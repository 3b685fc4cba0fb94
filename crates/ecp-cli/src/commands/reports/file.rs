//! The file of templates.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use ecp_core::ProjectId;
use ecp_reports::{Format, MailAddress, Period, Schedule, Template, Zone};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::mail::MailSection;
use crate::nearest::did_you_mean;
use crate::settings::toml_problem;

/// A file of templates, checked.
pub(super) struct File {
    /// The folder in which reports are kept.
    pub(super) folder: PathBuf,
    /// The web address of the folder, for links in mails, without a slash at its end. `None` if the
    /// file has none.
    pub(super) link_url: Option<String>,
    pub(super) mail: Option<MailSection>,
    templates: BTreeMap<String, ReportTemplate>,
}

/// A template of a report.
#[derive(Clone)]
pub(super) struct ReportTemplate {
    pub(super) schedule: Option<Schedule>,
    pub(super) zone: Zone,
    pub(super) period: Period,
    pub(super) format: Format,
    pub(super) template: Template,
    /// The projects of the report. If empty, the report has the profile's project.
    pub(super) projects: Vec<ProjectId>,
    /// Further members of the Data API's query.
    pub(super) query: BTreeMap<String, Value>,
    pub(super) to: Vec<MailAddress>,
    pub(super) by_link: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default = "default_folder")]
    folder: PathBuf,
    link_url: Option<String>,
    mail: Option<MailSection>,
    #[serde(default)]
    reports: BTreeMap<String, Section>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    schedule: Option<String>,
    time_zone: Option<String>,
    period: Option<String>,
    #[serde(default)]
    format: Format,
    #[serde(default)]
    columns: Vec<String>,
    #[serde(default)]
    only: BTreeMap<String, OneOrMore>,
    #[serde(default)]
    projects: Vec<u64>,
    #[serde(default)]
    query: BTreeMap<String, Value>,
    #[serde(default, deserialize_with = "addresses")]
    to: Vec<String>,
    #[serde(default, deserialize_with = "deliver")]
    deliver: Deliver,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "the value of a column in `only` must be a text in quotes, such as \"decline\", or a list of such texts"
)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Deliver {
    #[default]
    Attachment,
    Link,
}

/// Reads the addresses of `to`. The error does not quote them.
fn addresses<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<String>, D::Error> {
    Vec::deserialize(value).map_err(|_| {
        D::Error::custom("`to` must be a list of addresses, such as [\"mary@shop.example\"]")
    })
}

/// Reads `deliver`. The error does not quote the value, which may be an address by mistake.
fn deliver<'de, D: Deserializer<'de>>(value: D) -> Result<Deliver, D::Error> {
    Deliver::deserialize(value)
        .map_err(|_| D::Error::custom("`deliver` must be \"attachment\" or \"link\""))
}

fn default_folder() -> PathBuf {
    "reports".into()
}

impl File {
    /// Reads and checks a file of templates. A relative `folder` begins at the folder of the file.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).with_context(|| {
            format!("cannot read the templates in {shown} (--file names another file)")
        })?;
        let file =
            Self::parse(&text).with_context(|| format!("cannot use the templates in {shown}"))?;
        let beside = path.parent().unwrap_or_else(|| Path::new("."));
        Ok(Self { folder: beside.join(&file.folder), ..file })
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let document: Document =
            toml::from_str(text).map_err(|error| anyhow!("{}", toml_problem(text, &error)))?;
        let mut templates = BTreeMap::new();
        for (name, section) in document.reports {
            check_name(&name)?;
            let template = section
                .template()
                .with_context(|| format!("template [reports.{name}] is not valid"))?;
            if !template.to.is_empty() && document.mail.is_none() {
                bail!(
                    "template [reports.{name}] has addresses in `to`, and there is no section [mail]: \
                     add one with `host` and `from`"
                );
            }
            if template.by_link && document.link_url.is_none() {
                bail!(
                    "template [reports.{name}] sends a link to its file: set `link_url` to the address under \
                     which the folder of the reports is served"
                );
            }
            templates.insert(name, template);
        }
        let link_url = document.link_url.map(|url| url.trim_end_matches('/').to_owned());
        Ok(Self { folder: document.folder, link_url, mail: document.mail, templates })
    }

    /// Returns the template with this name. The error lists the names of all templates.
    pub(super) fn template(&self, name: &str) -> anyhow::Result<&ReportTemplate> {
        self.templates.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.templates.keys().map(String::as_str).collect();
            let meant = did_you_mean(name, names.iter().copied());
            anyhow!("there is no template `{name}`; the templates are: {}{meant}", names.join(", "))
        })
    }

    /// Returns all templates with their names, in the order of the names.
    pub(super) fn templates(&self) -> impl Iterator<Item = (&str, &ReportTemplate)> {
        self.templates.iter().map(|(name, template)| (name.as_str(), template))
    }

    /// Returns the names and schedules of the templates that have a schedule.
    pub(super) fn scheduled(&self) -> impl Iterator<Item = (&str, Schedule)> {
        self.templates().filter_map(|(name, template)| Some((name, template.schedule?)))
    }

    /// Removes the recipients from all templates, so that no mail is sent.
    pub(super) fn send_nothing(&mut self) {
        for template in self.templates.values_mut() {
            template.to.clear();
        }
    }
}

/// The name is a part of the names of files.
fn check_name(name: &str) -> anyhow::Result<()> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(is_plain) {
        bail!(
            "`{}` cannot be the name of a template: use 1 to 64 letters of a-z and A-Z, digits, `-` and `_`",
            name.escape_debug()
        );
    }
    Ok(())
}

impl Section {
    fn template(self) -> anyhow::Result<ReportTemplate> {
        let schedule = self.schedule.as_deref().map(str::parse::<Schedule>).transpose()?;
        let period = self.period.as_deref().map(str::parse::<Period>).transpose()?;
        let of_schedule = schedule.map(|schedule| schedule.period());
        let mut template = Template::new().columns(self.columns);
        for (column, values) in self.only {
            let values = match values {
                OneOrMore::One(value) => vec![value],
                OneOrMore::More(values) => values,
            };
            for value in values {
                template = template.only(&column, value);
            }
        }
        let mut to = Vec::new();
        for (place, text) in self.to.iter().enumerate() {
            let address: MailAddress =
                text.parse().map_err(|error| anyhow!("address {} of `to`: {error}", place + 1))?;
            if !to.contains(&address) {
                to.push(address);
            }
        }
        Ok(ReportTemplate {
            schedule,
            zone: self.time_zone.as_deref().unwrap_or("UTC").parse()?,
            period: period.or(of_schedule).unwrap_or_default(),
            format: self.format,
            template,
            projects: self.projects.into_iter().map(ProjectId::new).collect::<Result<_, _>>()?,
            query: self.query,
            to,
            by_link: self.deliver == Deliver::Link,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_has_columns_filters_a_format_and_a_schedule() {
        let file = File::parse(
            "folder = \"kept\"\nlink_url = \"https://shop.example/reports/\"\n\
             [mail]\nhost = \"localhost\"\nfrom = \"a@b.example\"\n\
             [reports.declines]\nschedule = \"weekly monday 07:00\"\ntime_zone = \"Europe/Berlin\"\n\
             format = \"xlsx\"\ncolumns = [\"payment_id\"]\nprojects = [7]\n\
             only = { status = [\"decline\", \"error\"], type = \"sale\" }\n\
             query = { operation_type = [\"sale\"] }\nto = [\"a@b.example\", \"a@b.example\"]\n\
             deliver = \"link\"\n[reports.all]\nperiod = \"last month\"\n",
        )
        .unwrap();
        let declines = file.template("declines").unwrap();
        assert_eq!(declines.schedule.unwrap().to_string(), "weekly monday 07:00");
        assert_eq!((declines.period, declines.format), (Period::LastWeek, Format::Xlsx));
        let filters: Vec<_> = declines.template.filters().collect();
        assert_eq!(filters[0], ("status", &["decline".to_owned(), "error".to_owned()][..]));
        assert_eq!((filters.len(), declines.to.len(), declines.by_link), (2, 1, true));
        assert_eq!(file.link_url.as_deref(), Some("https://shop.example/reports"));
        let all = file.template("all").unwrap();
        assert_eq!((all.period, all.zone.name(), all.schedule), (Period::LastMonth, "UTC", None));
        assert_eq!(file.scheduled().count(), 1);
        let problem = file.template("none").err().unwrap().to_string();
        assert_eq!(problem, "there is no template `none`; the templates are: all, declines");
    }

    #[test]
    fn a_mistake_is_named_by_its_place_and_without_the_address() {
        let mail = "[mail]\nhost = \"localhost\"\nfrom = \"a@b.example\"\n";
        for (text, expected) in [
            (
                "[reports.a]\nformat = \"xls\"",
                "line 2: cannot write XLS files: no maintained library",
            ),
            ("[reports.a]\nformat = \"ods\"", "line 2: cannot write `ods` files: use csv or xlsx"),
            (
                "[reports.a]\nschedule = \"hourly\"",
                "[reports.a] is not valid: `hourly` is not a schedule",
            ),
            (
                "[reports.a]\ntime_zone = \"Moon\"",
                "[reports.a] is not valid: there is no time zone `Moon`",
            ),
            (
                "[reports.a]\nperiod = \"today\"",
                "[reports.a] is not valid: there is no period `today`",
            ),
            ("[reports.a]\nprojects = [0]", "[reports.a] is not valid: "),
            ("[reports.\"a/b\"]", "`a/b` cannot be the name of a template"),
            ("[reports.a]\ncolums = []", "unknown field `colums`"),
            ("[reports.a]\nto = [\"a@b.example\"]", "there is no section [mail]"),
            ("[reports.a]\ndeliver = \"link\"", "set `link_url` to the address"),
            (
                &format!("{mail}[reports.a]\nto = [\"a@b.example\", \"sentinel\"]"),
                "[reports.a] is not valid: address 2 of `to`: the e-mail address is not valid: it has no @",
            ),
            ("[reports.a]\nto = [\"sentinel@b.example\" 5]", "line 2: "),
            (
                "[reports.a]\nto = \"sentinel@b.example\"",
                "line 2: `to` must be a list of addresses, such as [\"mary@shop.example\"]",
            ),
            (
                "[reports.a]\nto = [\"sentinel@b.example\", 5]",
                "line 2: `to` must be a list of addresses, such as [\"mary@shop.example\"]",
            ),
            (
                "[reports.a]\ndeliver = \"sentinel@b.example\"",
                "line 2: `deliver` must be \"attachment\" or \"link\"",
            ),
            (
                "[reports.a]\nonly = { status = 5, email = \"sentinel@b.example\" }",
                "line 2: the value of a column in `only` must be a text in quotes, such as \"decline\", or a \
                 list of such texts",
            ),
            (
                "[reports.a]\nonly = \"sentinel@b.example\"",
                "line 2: invalid type: string, expected a map",
            ),
            (
                "[reports.a]\nprojects = [\"sentinel@b.example\"]",
                "line 2: invalid type: string, expected u64",
            ),
            (
                "mail = \"sentinel@b.example\"",
                "line 1: invalid type: string, expected struct MailSection",
            ),
        ] {
            let problem = format!("{:#}", File::parse(text).err().unwrap());
            assert!(problem.contains(expected), "{text}: {problem}");
            assert!(!problem.contains("sentinel"), "{problem}");
        }
    }
}
