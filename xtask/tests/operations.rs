//! Checks the files of `docs/operations`: each metric, label and value that they name is one of
//! ours, each message of the troubleshooting page is in the code, and the programs that the files
//! are for accept them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new("..").join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The part of a page below a heading.
fn section<'p>(page: &'p str, heading: &str) -> &'p str {
    let (_, below) = page.split_once(&format!("\n## {heading}\n")).expect(heading);
    below.split("\n## ").next().unwrap()
}

/// The cells of the tables' rows.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let rows = text.lines().filter(|line| line.starts_with("| "));
    rows.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
}

/// The texts between backticks.
fn codes(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// A name in Prometheus, by the binding in examples/prometheus.rs.
fn name(of: &str) -> String {
    of.replace('.', "_")
}

/// The metrics, labels and values that our crates and their binding report.
struct Known {
    /// The names of series, with the names of their labels.
    series: BTreeMap<String, BTreeSet<String>>,
    /// The values of labels that have words for values.
    values: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Known {
    /// Reads the tables of docs/observability.md, which tests of `ecp-testkit` and `ecp-stream`
    /// compare with the code, and the gauges of docs/operations/monitoring.md, which are in the binding.
    fn read() -> Self {
        let observability = read("docs/observability.md");
        let (monitoring, binding) =
            (read("docs/operations/monitoring.md"), read("examples/prometheus.rs"));
        let mut series = BTreeMap::new();
        let gauges: Vec<_> = rows(section(&monitoring, "The gauges")).collect();
        let of_streams = rows(section(&observability, "Metrics of streams"));
        let metrics = rows(section(&observability, "Metrics")).chain(of_streams);
        for row in metrics.chain(gauges.clone()) {
            let Some(metric) = codes(row[0]).next() else { continue };
            let labels: BTreeSet<String> = codes(row[2]).map(name).collect();
            if metric.ends_with(".duration") {
                for end in ["_count", "_sum", "_bucket"] {
                    series.insert(name(metric) + end, labels.clone());
                }
            } else {
                series.insert(name(metric), labels);
            }
        }
        let mut states = BTreeSet::new();
        for row in gauges.iter().filter(|row| row[0].starts_with('`')) {
            let gauge = codes(row[0]).next().unwrap();
            assert!(binding.contains(&format!("\"{gauge}\"")), "{gauge} is not in the binding");
            for state in codes(row[3]) {
                assert!(
                    binding.contains(&format!("(\"{state}\"")),
                    "{state} is not in the binding"
                );
                states.insert(state.to_owned());
            }
        }
        let mut tables = section(&observability, "Words").split("| `error.type` | is |");
        let words = |table: &str| {
            let cells = rows(table).map(|row| row[0]).flat_map(|cell| cell.split(", "));
            cells.map(str::to_owned).collect::<BTreeSet<_>>()
        };
        let (outcomes, errors) = (tables.next().unwrap(), tables.next().unwrap());
        let requests = rows(section(&observability, "Fields"))
            .find(|row| row[0] == "`ecp.request`")
            .map(|row| codes(row[1]).map(str::to_owned).collect());
        let values = BTreeMap::from([
            ("ecp_outcome", words(outcomes)),
            ("error_type", words(errors)),
            ("ecp_request", requests.unwrap()),
            ("ecp_inbox_state", states),
        ]);
        Self { series, values }
    }

    /// What is wrong with a PromQL expression, or with any text that has some.
    fn wrong(&self, expression: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut labels_here = BTreeSet::new();
        let mut grouped = Vec::new();
        for (word, after) in words(expression) {
            if let Some(labels) = self.series.get(word) {
                labels_here.extend(labels);
                let Some(matchers) = after.strip_prefix('{') else { continue };
                for matcher in matchers.split('}').next().unwrap().split(',') {
                    self.check_matcher(word, labels, matcher.trim(), &mut wrong);
                }
            } else if word == "by" {
                let list =
                    after.trim_start().strip_prefix('(').and_then(|rest| rest.split(')').next());
                grouped.extend(list.into_iter().flat_map(|list| list.split(',')).map(str::trim));
            } else if word.starts_with("ecp_") && !self.is_label(word) {
                wrong.push(format!("no metric or label {word}"));
            }
        }
        for label in grouped {
            let is_prometheus = ["job", "le", "alertname", "severity"].contains(&label);
            if !is_prometheus && !labels_here.iter().any(|known| *known == label) {
                wrong.push(format!("grouped by {label}, which no metric here has"));
            }
        }
        wrong
    }

    fn is_label(&self, word: &str) -> bool {
        self.series.values().any(|labels| labels.contains(word))
    }

    fn check_matcher(
        &self,
        series: &str,
        labels: &BTreeSet<String>,
        matcher: &str,
        wrong: &mut Vec<String>,
    ) {
        let Some(end) = matcher.find(['=', '!']) else { return };
        let (label, values) = (&matcher[..end], matcher[end..].trim_start_matches(['=', '!', '~']));
        if ["job", "instance", "le"].contains(&label) {
            return;
        }
        if !labels.contains(label) {
            wrong.push(format!("{series} has no label {label}"));
        }
        let Some(known) = self.values.get(label) else { return };
        for value in values.trim_matches('"').split('|').filter(|value| !value.is_empty()) {
            if !known.contains(value) {
                wrong.push(format!("{series}: {label} has no value {value}"));
            }
        }
    }
}

/// The identifiers of a text, each with what comes after it.
fn words(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = text;
    std::iter::from_fn(move || {
        let begin = rest.find(is_of_word)?;
        let after = &rest[begin..];
        let end = after.find(|c| !is_of_word(c)).unwrap_or(after.len());
        rest = &after[end..];
        Some((&after[..end], rest))
    })
}

/// A file without its comments.
fn without_comments(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.collect::<Vec<_>>().join("\n")
}

/// Every expression of a Grafana dashboard.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if ["expr", "query", "definition"].contains(&&**name) => {
                        found.push(text.clone());
                    }
                    value => expressions(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        _ => {}
    }
}

fn dashboard() -> Vec<String> {
    let mut found = Vec::new();
    expressions(&read("docs/operations/dashboard.json").parse().unwrap(), &mut found);
    found
}

#[test]
fn each_metric_of_the_alerts_and_of_the_dashboard_is_one_of_ours() {
    let known = Known::read();
    assert!(known.series.len() > 30, "{:?}", known.series);
    for file in ["alerts.yml", "alerts.test.yml"] {
        let text = without_comments(&read(&format!("docs/operations/{file}")));
        assert!(text.contains("ecp_"));
        // An expression alone: what is grouped must be labels of the metrics beside it.
        for part in text.split("- alert: ").flat_map(|part| part.split("- series: ")) {
            assert_eq!(known.wrong(part), [""; 0], "{file}: {part}");
        }
    }
    let expressions = dashboard();
    assert!(expressions.len() > 30);
    let mut shown = BTreeSet::new();
    for expression in &expressions {
        assert_eq!(known.wrong(expression), [""; 0], "{expression}");
        shown.extend(words(expression).map(|(word, _)| word));
    }
    // The dashboard leaves out no metric.
    let families = known.series.keys().filter(|name| !name.ends_with("_sum"));
    let ends = |name: &str| name.trim_end_matches("_bucket").trim_end_matches("_count").to_owned();
    let shown: BTreeSet<String> = shown.into_iter().map(ends).collect();
    let missing: BTreeSet<String> =
        families.map(|name| ends(name)).filter(|name| !shown.contains(name)).collect();
    assert!(missing.is_empty(), "not on the dashboard: {missing:?}");
}

#[test]
fn a_metric_a_label_and_a_value_that_are_not_ours_are_found() {
    let known = Known::read();
    for (expression, wrong) in [
        ("ecp_inbox_dead", None),
        ("sum by (job, error_type) (rate(ecp_inbox_dead{error_type=\"handler\"}[5m]))", None),
        ("ecp_inbox_deceased > 0", Some("no metric or label ecp_inbox_deceased")),
        ("ecp_callback_duration", Some("no metric or label ecp_callback_duration")),
        ("ecp_inbox_dead_total", Some("no metric or label ecp_inbox_dead_total")),
        ("ecp_inbox_dead{ecp_outcome=\"done\"}", Some("ecp_inbox_dead has no label ecp_outcome")),
        (
            "ecp_callback_duration_count{ecp_outcome=~\"stored|lost\"}",
            Some("ecp_callback_duration_count: ecp_outcome has no value lost"),
        ),
        (
            "sum by (ecp_method) (ecp_callback_duration_count)",
            Some("grouped by ecp_method, which no metric here has"),
        ),
    ] {
        assert_eq!(known.wrong(expression), wrong.as_slice(), "{expression}");
    }
}

#[test]
fn each_alert_is_explained_and_tested() {
    let (alerts, tests) =
        (read("docs/operations/alerts.yml"), read("docs/operations/alerts.test.yml"));
    let monitoring = read("docs/operations/monitoring.md");
    let listed: BTreeSet<&str> =
        alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(listed.len() > 10);
    let explained: BTreeSet<&str> =
        rows(section(&monitoring, "The alerts")).filter_map(|row| codes(row[0]).next()).collect();
    assert_eq!(explained, listed);
    for alert in listed {
        assert!(tests.contains(&format!("alertname=\"{alert}\"")), "{alert} is not tested");
    }
}

/// The texts of all programs and libraries as one, with strings as they are printed.
fn texts() -> String {
    fn find(folder: &Path, found: &mut String) {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                find(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap().replace("\\\"", "\"");
                // A string that is continued in the next line.
                let mut parts = text.split("\\\n");
                found.push_str(parts.next().unwrap());
                parts.for_each(|part| found.push_str(part.trim_start()));
            }
        }
    }
    let mut found = String::new();
    for entry in fs::read_dir("../crates").unwrap() {
        find(&entry.unwrap().path().join("src"), &mut found);
    }
    found
}

/// The parts of messages that are not in the code. ` .. ` stands for what differs each time.
fn not_in_code<'m>(messages: impl Iterator<Item = &'m str>, texts: &str) -> Vec<&'m str> {
    let parts = messages.flat_map(|message| message.split("..")).map(str::trim);
    parts.filter(|part| !part.is_empty() && !texts.contains(part)).collect()
}

#[test]
fn each_message_of_the_troubleshooting_page_is_in_the_code() {
    let page = read("docs/operations/troubleshooting.md");
    let mut messages = Vec::new();
    let mut is_message = false;
    for line in page.lines() {
        if line.starts_with("```") {
            is_message = line == "```text";
        } else if is_message {
            messages.push(line);
        }
    }
    assert!(messages.len() > 20, "{messages:?}");
    let texts = texts();
    assert_eq!(not_in_code(messages.into_iter(), &texts), [""; 0]);
    let changed = ["the callback was refused .. nicely", "a callback was refused"];
    assert_eq!(not_in_code(changed.into_iter(), &texts), ["the callback was refused", "nicely"]);
}

/// Runs a program that checks a file, and returns what it prints. In CI none may be missing;
/// elsewhere a note says so.
fn accepts(program: &str, arguments: &[&str]) -> String {
    match Command::new(program).args(arguments).output() {
        Ok(output) => {
            let printed = [output.stdout, output.stderr].concat();
            let printed = String::from_utf8_lossy(&printed).into_owned();
            assert!(output.status.success(), "{program} {arguments:?}: {printed}");
            printed
        }
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{program} is not installed: {error}");
            eprintln!("left out: {program} ({error}) would check a file of docs/operations");
            String::new()
        }
    }
}

fn file(name: &str) -> PathBuf {
    fs::canonicalize(Path::new("../docs/operations").join(name)).unwrap()
}

/// Copies a file into a folder, with texts replaced, all of which must be there.
fn copied(name: &str, folder: &Path, replaced: &[(&str, &str)]) -> String {
    let mut text = fs::read_to_string(file(name)).unwrap();
    for (from, to) in replaced {
        assert!(text.contains(from), "{name} has no {from}");
        text = text.replace(from, to);
    }
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_proxies_accept_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (key, certificate) = (path("key.pem"), path("fullchain.pem"));
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let made = ["req", "-x509", "-subj", "/CN=shop.example", "-keyout", &key, "-out", &certificate];
    accepts("openssl", &[&made[..], &curve].concat());
    let Ok(pem) = fs::read(&certificate) else { return };
    fs::write(path("fullchain-and-key.pem"), [pem, fs::read(&key).unwrap()].concat()).unwrap();
    let own = format!("{}/", folder.path().display());

    // nginx opens the ports that it is to listen on, also for a check.
    let ports = [
        ("listen 443 ", "listen 127.0.0.1:18443 "),
        ("listen [::]:443 ", "listen 127.0.0.1:18444 "),
    ];
    let snippet =
        copied("nginx.conf", folder.path(), &[&[("/etc/ssl/shop/", &*own)], &ports[..]].concat());
    let whole = path("whole.conf");
    let text =
        format!("pid {own}pid;\nerror_log stderr;\nevents {{}}\nhttp {{ include {snippet}; }}\n");
    fs::write(&whole, text).unwrap();
    accepts("nginx", &["-q", "-t", "-c", &whole]);

    let haproxy = copied("haproxy.cfg", folder.path(), &[("/etc/ssl/shop/", &own)]);
    // A warning is an error.
    accepts("haproxy", &["-c", "-q", "-dW", "-f", &haproxy]);
}

#[test]
fn prometheus_accepts_the_alerts_and_the_dashboard() {
    let folder = tempfile::tempdir().unwrap();
    accepts("promtool", &["check", "rules", file("alerts.yml").to_str().unwrap()]);
    accepts("promtool", &["test", "rules", file("alerts.test.yml").to_str().unwrap()]);
    // The dashboard's expressions, with values for Grafana's variables.
    let expressions = dashboard();
    let of_series = expressions.iter().filter(|text| !text.starts_with("label_values("));
    let rules = of_series.filter(|text| text.contains("ecp_")).enumerate().map(|(number, text)| {
        let text = text.replace("$__rate_interval", "5m").replace("$job", ".*");
        json!({ "record": format!("panel{number}"), "expr": text })
    });
    // JSON is YAML too.
    let rules = json!({ "groups": [{ "name": "dashboard", "rules": rules.collect::<Vec<_>>() }] });
    let path = folder.path().join("dashboard.yml");
    fs::write(&path, rules.to_string()).unwrap();
    accepts("promtool", &["check", "rules", path.to_str().unwrap()]);
}

#[test]
fn systemd_accepts_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    // The program must be there.
    let unit = copied("shop.service", folder.path(), &[("/usr/local/bin/shop", "/bin/true")]);
    // It ignores what it does not know, and says so.
    assert_eq!(accepts("systemd-analyze", &["verify", "--man=no", &unit]), "");
    let text = fs::read_to_string(&unit).unwrap().replace("ProtectClock=", "ProtectClocks=");
    fs::write(&unit, text).unwrap();
    let printed = accepts("systemd-analyze", &["verify", "--man=no", &unit]);
    assert!(printed.is_empty() || printed.contains("ProtectClocks"), "{printed}");
}

#[test]
fn kubernetes_accepts_the_manifests() {
    let packages = Path::new("../target/sdks/kubernetes");
    if !packages.exists() {
        assert!(std::env::var_os("CI").is_none(), "`cargo xtask sdks` did not run");
        eprintln!(
            "left out: manifests of Kubernetes, which `cargo xtask sdks` installs a check of"
        );
        return;
    }
    let packages = format!("PYTHONPATH={}", packages.display());
    let check = [&packages, "python3", "-m", "kubernetes_validate", "--strict"];
    let folder = tempfile::tempdir().unwrap();
    for (name, kinds) in [("kubernetes-sqlite.yaml", 3), ("kubernetes-postgres.yaml", 3)] {
        let printed = accepts("env", &[&check[..], &[file(name).to_str().unwrap()]].concat());
        assert_eq!(printed.matches(" passed ").count(), kinds, "{printed}");
        let changed = copied(name, folder.path(), &[("tcpSocket", "tcpSockets")]);
        let refused = Command::new("env").args(check).arg(changed).output().unwrap();
        assert!(!refused.status.success(), "an unknown field passes in {name}");
    }
}
