//! `ecp reports`: from the Data API to a file and to a real SMTP server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Cursor;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use calamine::{Data, Reader as _, Xlsx};
use ecp_core::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::smtp::{SmtpServer, bytes_of};
use crate::support::data_api::{DataApi, operation};
use crate::support::sandbox::until;
use crate::support::{ecp, stderr, stdout};

/// A shop with a Data API of given operations, in a folder of its own.
struct Shop {
    folder: TempDir,
    api: DataApi,
}

impl Shop {
    fn new() -> Self {
        let operations = vec![
            operation(1, &json!({})),
            operation(2, &json!({"operation_status": "decline", "payment_id": "=1+1"})),
            operation(3, &json!({"operation_status": "decline", "operation_type": "sale"})),
        ];
        let (folder, api) = (tempfile::tempdir().unwrap(), DataApi::start(operations));
        let profile = format!(
            "[shop]\nproject = 1\nkey_env = \"SHOP_KEY\"\ntest = true\ndata_token_env = \"TOKEN\"\n\
             data_key_env = \"DATA_KEY\"\ndata_url = \"{}\"\n",
            api.url
        );
        std::fs::write(folder.path().join("profiles.toml"), profile).unwrap();
        Self { folder, api }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the file of templates: those after a mail server, which may be left out.
    fn templates(&self, port: Option<u16>, more: &str) {
        let mail = port.map(|port| {
            format!(
                "[mail]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\npause_seconds = 0\n\
                 from = \"Shop <reports@shop.example>\"\n"
            )
        });
        let text = mail.unwrap_or_default() + more;
        std::fs::write(self.path().join("reports.toml"), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = ecp(self.path(), &[&["reports"], arguments].concat());
        command.env("ECP_PROFILE", "shop").env("ECP_PROFILES", "profiles.toml");
        command.env("SHOP_KEY", "k").env("TOKEN", "sandbox-token-not-a-secret");
        command.env("DATA_KEY", "sandbox-token-key-not-a-secret");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn state(&self) -> Value {
        let text = std::fs::read(self.path().join("reports/state.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }
}

const DECLINES: &str = "[reports.declines]\nformat = \"xlsx\"\n\
    columns = [\"payment_id\", \"sum_initial.amount\"]\nonly = { operation_status = \"decline\" }\n";

const DAYS: [&str; 4] = ["--from", "2026-11-01", "--to", "2026-11-30"];

#[test]
fn a_report_is_kept_and_arrives_as_a_workbook() {
    let Some(server) = SmtpServer::start(&json!({})) else { return };
    let shop = Shop::new();
    let to = "to = [\"mary@shop.example\", \"later-2@shop.example\"]\n";
    shop.templates(Some(server.port), &[DECLINES, to, "time_zone = \"Asia/Tokyo\"\n"].concat());
    let run = shop.run(&[&["run", "declines", "--project", "7"], &DAYS[..]].concat());
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    let file = "declines-2026-11-01-to-2026-11-30.xlsx";
    assert_eq!(stdout(&run).trim_end(), format!("reports/{file}"));
    for expected in
        ["declines: 2 rows, kept until", "sent to recipient 1 of 2", "451 4.7.1 Greylisted"]
    {
        assert!(stderr(&run).contains(expected), "{}", stderr(&run));
    }
    assert!(!stderr(&run).contains("@shop.example"), "{}", stderr(&run));
    let query = &shop.api.queries()[0];
    let asked = json!({"from": "2026-11-01 00:00:00", "to": "2026-11-30 23:59:59"});
    assert_eq!((&query["interval"], &query["tz"]), (&asked, &json!("Asia/Tokyo")));
    assert_eq!(query["project_id"], json!([7]));

    let kept = std::fs::read(shop.path().join("reports").join(file)).unwrap();
    let mails = server.received();
    let to: Vec<&Value> = mails.iter().map(|mail| &mail["to"][0]).collect();
    assert_eq!(to, ["mary@shop.example", "later-2@shop.example"]);
    for mail in &mails {
        assert_eq!(mail["headers"]["Subject"], "Report declines, 2026-11-01 to 2026-11-30");
        assert_eq!(
            (mail["files"][0]["name"].as_str(), bytes_of(&mail["files"][0])),
            (Some(file), kept.clone())
        );
    }
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(kept)).unwrap();
    let sheet = book.worksheet_range("Operations").unwrap();
    let text = |text: &str| Data::String(text.to_owned());
    let rows: Vec<&[Data]> = sheet.rows().collect();
    assert_eq!(rows[0], [text("payment_id"), text("sum_initial.amount")]);
    assert_eq!(
        rows[1..],
        [[text("=1+1"), Data::Float(30_000.0)], [text("M-3"), Data::Float(30_000.0)]]
    );
    let list = shop.run(&["list"]);
    let expected = "  recipient 1: sent\n  recipient 2: sent\n";
    assert!(stdout(&list).ends_with(expected), "{}", stdout(&list));
    let list = shop.run(&["list", "--json"]);
    let list: Value = serde_json::from_str(stdout(&list)).unwrap();
    assert_eq!(list["templates"][0]["name"], "declines");
    let sent = json!({"state": "sent", "problem": null});
    assert_eq!(list["reports"][0]["recipients"], json!([sent, sent]));
    assert_eq!(list["reports"][0]["rows"], 2);
}

#[test]
fn a_mail_that_is_refused_costs_no_report_and_is_shown() {
    let wanted = json!({"user": "reports", "password": "right"});
    let Some(server) = SmtpServer::start(&wanted) else { return };
    let shop = Shop::new();
    let login = "user = \"reports\"\npassword_env = \"SMTP_PASSWORD\"\n";
    let to = "to = [\"refused@shop.example\", \"mary@shop.example\"]\n";
    shop.templates(Some(server.port), &[login, DECLINES, to].concat());
    let run = |password: &str| {
        let mut command = shop
            .command(&[&["run", "declines", "--only", "operation_type=sale"], &DAYS[..]].concat());
        command.env("SMTP_PASSWORD", password).output().unwrap()
    };
    for (password, expected) in [
        ("sentinel", "recipient 2 of 2: the server does not accept the user and the password: 535"),
        ("right", "recipient 1 of 2: the server refuses the recipient: 550 5.1.1 <[hidden]>"),
    ] {
        let run = run(password);
        assert_eq!(run.status.code(), Some(1), "{}", stderr(&run));
        let text = stderr(&run);
        assert!(text.contains(expected) && text.contains("the report is kept"), "{text}");
        assert!(!text.contains("sentinel") && !text.contains("@shop"), "{text}");
        assert!(shop.path().join(stdout(&run).trim()).is_file());
        let list = shop.run(&["list"]);
        let (_, shown) = expected.split_once(": ").unwrap();
        assert!(stdout(&list).contains(&format!("failed: {shown}")), "{}", stdout(&list));
    }
    let mails = server.received();
    assert_eq!((mails.len(), &mails[0]["to"][0]), (1, &json!("mary@shop.example")));
    // No server at all.
    let run = run("right");
    assert_eq!(run.status.code(), Some(1));
    assert!(stderr(&run).contains("connection refused"), "{}", stderr(&run));
    assert_eq!(shop.state()["reports"][0]["deliveries"][0]["attempts"], 4);
    assert!(shop.path().join(stdout(&run).trim()).is_file());
}

/// The moment some days ago, as the record has it.
fn days_ago(days: u64) -> String {
    let moment = SystemTime::now() - Duration::from_secs(days * 24 * 3600);
    Timestamp::try_from(moment).unwrap().to_string()
}

#[test]
fn after_a_rest_a_missed_report_is_made_once_and_old_files_go() {
    let Some(mut server) = SmtpServer::start(&json!({})) else { return };
    let shop = Shop::new();
    let more = "schedule = \"daily 00:00\"\nto = [\"mary@shop.example\"]\ndeliver = \"link\"\n";
    shop.templates(Some(server.port), &[DECLINES, more].concat());
    let text = std::fs::read_to_string(shop.path().join("reports.toml")).unwrap();
    let text = format!("link_url = \"https://files.shop.example/r/\"\n{text}");
    std::fs::write(shop.path().join("reports.toml"), text).unwrap();

    // It has rested for a week, with a report of five days ago and a mail that waits.
    let folder = shop.path().join("reports");
    std::fs::create_dir(&folder).unwrap();
    let delivery = |state: Value| json!({"to": "john@shop.example", "id": "abc", "attempts": 1, "state": state});
    let kept = |file: &str, days: u64| {
        std::fs::write(folder.join(file), "x").unwrap();
        let waiting = delivery(json!({"waiting": {"problem": "it rained"}}));
        json!({"template": "declines", "file": file, "days": "a day", "rows": 1,
               "made": days_ago(days), "by_link": false, "deliveries": [waiting]})
    };
    let record = json!({"done": {"declines": days_ago(7)}, "reports": [kept("old.csv", 5), kept("new.csv", 2)]});
    std::fs::write(folder.join("state.json"), record.to_string()).unwrap();

    let start = || {
        let mut command = shop.command(&["schedule"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let child = start();
    let mails = [server.next(), server.next()];
    assert_eq!(mails[0]["to"][0], "john@shop.example");
    assert_eq!(mails[0]["headers"]["Message-ID"], "<abc@shop.example>");
    assert_eq!(bytes_of(&mails[0]["files"][0]), b"x");
    assert_eq!((&mails[1]["to"][0], &mails[1]["files"]), (&json!("mary@shop.example"), &json!([])));
    let text = mails[1]["text"].as_str().unwrap();
    assert!(text.contains("\nhttps://files.shop.example/r/declines-"), "{text}");
    until("both mails are recorded", || {
        let reports = shop.state()["reports"].as_array().unwrap().clone();
        let sent = |report: &Value| report["deliveries"][0]["state"] == "sent";
        (reports.len() == 2 && reports.iter().all(sent)).then_some(())
    });
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", stderr(&ended));
    assert_eq!(stdout(&ended).lines().count(), 1, "{}", stdout(&ended));
    assert!(!folder.join("old.csv").exists() && folder.join("new.csv").exists());
    assert_eq!(shop.api.queries().len(), 1);

    // Nothing is left to do, also not for one that was killed.
    let mut again = start();
    again.kill().unwrap();
    again.wait().unwrap();
    let run = shop.run(&["list"]);
    assert!(stdout(&run).contains("declines: daily 00:00 UTC, next "), "{}", stdout(&run));
    assert_eq!(shop.api.queries().len(), 1);
    assert!(server.received().is_empty());
}

#[test]
fn who_shares_a_folder_waits_for_its_turn_and_can_be_ended_there() {
    let shop = Shop::new();
    shop.templates(None, &[DECLINES, "schedule = \"daily 00:00\"\n"].concat());
    let folder = shop.path().join("reports");
    std::fs::create_dir(&folder).unwrap();
    let due = json!({"done": {"declines": days_ago(3)}}).to_string();
    std::fs::write(folder.join("state.json"), &due).unwrap();
    let lock = std::fs::File::create(folder.join("state.lock")).unwrap();
    lock.lock().unwrap();
    let log = shop.path().join("log");
    let stderr = std::fs::File::create(&log).unwrap();
    let mut child = shop.command(&["schedule"]).stderr(stderr).spawn().unwrap();
    until("it says that it waits", || {
        let text = std::fs::read_to_string(&log).unwrap();
        text.contains("another `ecp reports` uses the folder reports: waiting until it ends")
            .then_some(())
    });
    let kill = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(shop.api.queries().is_empty());
    assert_eq!(std::fs::read_to_string(folder.join("state.json")).unwrap(), due);
}

#[test]
fn a_wrong_file_or_command_line_is_refused_before_anything_is_asked() {
    let shop = Shop::new();
    let wrong = |more: &str, arguments: &[&str], code: i32, expected: &str| {
        shop.templates(None, more);
        let run = shop.run(arguments);
        assert_eq!(run.status.code(), Some(code), "{more}: {}", stderr(&run));
        assert!(stderr(&run).contains(expected), "{more}: {}", stderr(&run));
    };
    let run = ["run", "a"];
    wrong(
        "[reports.a]\nformat = \"xls\"\n",
        &run,
        1,
        "line 2: cannot write XLS files: no maintained",
    );
    wrong("[reports.b]\n", &run, 1, "there is no template `a`; the templates are: b");
    wrong("[reports.a]\n", &["schedule"], 1, "no template in reports.toml has a `schedule`");
    wrong("[reports.a]\n", &["run"], 2, "required arguments were not provided");
    wrong("[reports.a]\n", &["run", "a", "--from", "2026-11-01"], 2, "--to <TIME>");
    let mail = "[mail]\nhost = \"mail.shop.example\"\nfrom = \"a@b.example\"\nuser = \"u\"\n\
                password_env = \"NO_SUCH_PASSWORD\"\n[reports.a]\nto = [\"a@b.example\"]\n";
    wrong(
        mail,
        &run,
        1,
        "cannot use the section [mail] of the file of templates: the environment variable \
         NO_SUCH_PASSWORD is missing: set it to the password",
    );
    assert!(shop.api.queries().is_empty() && !shop.path().join("reports").exists());
    // Without mail the server does not matter.
    wrong(mail, &["run", "a", "--no-mail"], 0, "a: 3 rows, kept until");
}

#[test]
fn an_export_to_an_ending_that_cannot_be_written_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    for (name, reason) in [
        ("january.xls", "cannot write XLS files: no maintained library writes them."),
        ("january.pdf", "cannot write `pdf` files: use csv or xlsx"),
    ] {
        let arguments =
            ["operations", "--from", "2026-01-01", "--to", "2026-01-31", "--output", name];
        let run = ecp(folder.path(), &arguments).output().unwrap();
        assert_eq!(run.status.code(), Some(2), "{}", stderr(&run));
        assert!(stderr(&run).contains(reason), "{}", stderr(&run));
        assert!(!folder.path().join(name).exists());
    }
}
