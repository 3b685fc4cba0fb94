//! `ecp inbox`, as a shell sees it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{SecretKey, Sensitive};
use ecp_inbox::conformance::{Body, clock};
use ecp_inbox::postgres::PostgresOptions;
use ecp_inbox::sqlite::{SqliteInbox, SqliteOptions};
use ecp_inbox::{Accepted, Claim, EntryId, Finish, Inbox};
use ecp_sandbox::{Config, Project, Sandbox};
use tempfile::TempDir;

fn ecp_reading(input: &[u8], arguments: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ecp"))
        .arg("inbox")
        .args(arguments)
        .env("ECP_KEY", "secret")
        .env_remove("PGPASSWORD")
        .env_remove("ECP_PROFILE")
        .env_remove("ECP_PROFILES")
        .env_remove("ECP_GATE_URL")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its arguments does not read its input.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn ecp(arguments: &[&str]) -> Output {
    ecp_reading(b"", arguments)
}

/// The output of a command that went well.
fn ok(arguments: &[&str]) -> String {
    let output = ecp(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    stdout(&output)
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

struct Filled {
    folder: TempDir,
    db: String,
    runtime: tokio::runtime::Runtime,
}

impl Filled {
    /// An inbox with one callback of each state: done, repeated, waiting, held, dead.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inbox.sqlite");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            fill(&SqliteOptions::new().clock(clock()).open(&path).await.unwrap()).await;
        });
        Self { folder, db: path.to_str().unwrap().to_owned(), runtime }
    }

    fn open(&self) -> SqliteInbox {
        self.runtime.block_on(SqliteInbox::open(&self.db)).unwrap()
    }
}

async fn fill(inbox: &dyn Inbox) {
    let claim = Claim::new(9, Duration::from_secs(9)).attempts(20);
    let done = Body::new("P1", 1, "success").described("sentinel-of-a-customer");
    inbox.accept(&done.verified()).await.unwrap();
    inbox.accept(&done.described("again").verified()).await.unwrap();
    let delivery = inbox.claim(&claim).await.unwrap().deliveries.pop().unwrap();
    inbox.finish(&delivery, Finish::Done).await.unwrap();
    inbox.accept(&Body::new("P2", 1, "decline").verified()).await.unwrap();
    let delivery = inbox.claim(&claim).await.unwrap().deliveries.pop().unwrap();
    let error = "the ledger\x1b[2J is closed".to_owned();
    inbox.finish(&delivery, Finish::Dead { error }).await.unwrap();
    inbox.accept(&Body::new("P3", 1, "success").doubtful().verified()).await.unwrap();
    inbox.accept(&Body::new(r"P4\u001b[2J", 1, "processing").verified()).await.unwrap();
}

#[test]
fn callbacks_are_listed_newest_first() {
    let place = Filled::new();
    let db = place.db.as_str();
    assert_eq!(
        ok(&["list", "--db", db]),
        "     5  waiting   2023-11-14T22:13:20+0000  1236/P4\\u{1b}[2J  processing\n\
        \x20    4  held      2023-11-14T22:13:20+0000  1236/P3  success\n\
        \x20    3  dead      2023-11-14T22:13:20+0000  1236/P2  decline  \
        after 1 attempts: the ledger [2J is closed\n\
        \x20    2  repeated  2023-11-14T22:13:20+0000  1236/P1  success\n\
        \x20    1  done      2023-11-14T22:13:20+0000  1236/P1  success\n"
    );
    let numbers = |arguments: &[&str]| -> Vec<i64> {
        let output = ok(&[&["list", "--db", db, "--json"], arguments].concat());
        let list: Vec<serde_json::Value> = serde_json::from_str(&output).unwrap();
        list.iter().map(|callback| callback["id"].as_i64().unwrap()).collect()
    };
    assert_eq!(numbers(&[]), [5, 4, 3, 2, 1]);
    assert_eq!(numbers(&["--state", "held"]), [4]);
    for word in ["--payment-id", "--payment"] {
        assert_eq!(numbers(&[word, "P1"]), [2, 1]);
    }
    assert_eq!(numbers(&["--project", "1"]), [0_i64; 0]);
    assert_eq!(numbers(&["--before", "4", "--limit", "2"]), [3, 2]);
    let nothing = ecp(&["list", "--db", db, "--project", "1"]);
    assert!(nothing.status.success());
    assert_eq!(
        (stdout(&nothing), stderr(&nothing)),
        (String::new(), "no callbacks match\n".into())
    );
    let nothing = ecp(&["list", "--db", db, "--project", "1", "--json"]);
    assert_eq!((stdout(&nothing), stderr(&nothing)), ("[]\n".into(), String::new()));
}

#[test]
fn a_callback_that_came_more_than_once_is_listed_with_how_often() {
    let place = Filled::new();
    let inbox = place.open();
    place.runtime.block_on(async {
        for _ in 0..2 {
            inbox.accept(&Body::new("P2", 1, "decline").verified()).await.unwrap();
        }
    });
    let list = ok(&["list", "--db", &place.db]);
    assert!(list.contains("  1236/P2  decline  3 times  after 1 attempts: "), "{list}");
    assert_eq!(list.matches(" times").count(), 1, "{list}");
    let json = ok(&["list", "--db", &place.db, "--json", "--payment-id", "P2"]);
    let list: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(list[0]["times"], 3);
}

#[test]
fn what_can_be_done_follows_on_standard_error() {
    let place = Filled::new();
    let db = place.db.as_str();
    for (job, number, next) in [
        ("stats", "", &["list --db DB --state dead", "list --db DB --state held"][..]),
        ("list", "", &["show --db DB 4"]),
        ("show", "4", &["release --db DB --profile NAME 4"]),
        ("show", "3", &["replay --db DB 3"]),
        ("show", "1", &[]),
        ("replay", "3", &["stats --db DB"]),
    ] {
        let arguments: Vec<&str> =
            [job, "--db", db, number].into_iter().filter(|word| !word.is_empty()).collect();
        let next: Vec<String> = next
            .iter()
            .map(|next| format!("next: ecp inbox {}\n", next.replace("DB", db)))
            .collect();
        let expected = next.concat();
        assert_eq!(stderr(&ecp(&arguments)), expected, "{job} {number}");
        let quiet = [&arguments[..], &["--json"]].concat();
        assert_eq!(stderr(&ecp(&quiet)), "", "{job} {number}");
    }
}

#[test]
fn a_callback_is_shown_without_its_body_unless_that_is_asked_for() {
    let place = Filled::new();
    let db = place.db.as_str();
    let text = ok(&["show", "--db", db, "1"]);
    assert_eq!(
        text,
        "number          1\nstate           done\nproject         1236\n\
         payment         P1\nstatus          success\nsum             100.00 EUR\n\
         received        2023-11-14T22:13:20+0000\ntimes           1\nattempts        1\n\
         change          the payment is `success`\npayment is now  success\n\
         paid            100.00 EUR\n"
    );
    assert!(!ok(&["show", "--db", db, "1", "--json"]).contains("sentinel"));

    let output = ecp(&["show", "--db", db, "1", "--body"]);
    assert!(stdout(&output).starts_with(&text) && stdout(&output).contains("sentinel"));
    assert_eq!(stderr(&output), "note: the body holds personal data\n");
    let json = ok(&["show", "--db", db, "4", "--body", "--json"]);
    let callback: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(callback["state"], "held");
    assert_eq!(callback["ambiguous"], serde_json::json!(["payment.description"]));
    let body: serde_json::Value = serde_json::from_str(callback["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["payment"]["id"], "P3");

    let missing = ecp(&["show", "--db", db, "77"]);
    assert_eq!(missing.status.code(), Some(1));
    assert_eq!(
        stderr(&missing),
        "error: there is no callback with the number 77: see `ecp inbox list`\n"
    );
}

#[test]
fn what_is_done_or_dead_is_replayed_and_nothing_else() {
    let place = Filled::new();
    let db = place.db.as_str();
    let output = ecp(&["replay", "--db", db, "1", "2", "4", "5", "77"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stdout(&output),
        "1: will be handled again\n\
         2: not replayed: it repeats another callback, which was handled\n\
         4: not replayed: it is held until Gate confirms it: see `ecp inbox release --help`\n\
         5: not replayed: it already waits to be handled\n\
         77: not replayed: there is no callback with this number: see `ecp inbox list`\n"
    );
    let again = ecp(&["replay", "--db", db, "--json", "1", "77"]);
    assert_eq!(
        (again.status.code(), stdout(&again).as_str()),
        (
            Some(1),
            "{\"id\":1,\"replayed\":false,\"why\":\"it already waits to be handled\"}\n\
             {\"id\":77,\"replayed\":false,\"why\":\"there is no callback with this number: see `ecp inbox list`\"}\n"
        )
    );
    assert_eq!(
        ok(&["replay", "--db", db, "--dead", "--json"]),
        "{\"replayed\":1,\"not_replayed\":0}\n"
    );
    assert_eq!(ok(&["replay", "--db", db, "--dead"]), "0 dead callbacks will be handled again\n");
    let stats = place.runtime.block_on(place.open().stats()).unwrap();
    assert_eq!((stats.waiting, stats.dead, stats.done), (3, 0, 0));
}

#[test]
fn a_callback_says_what_it_waits_for_and_what_it_contradicts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inbox.sqlite");
    let db = path.to_str().unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let inbox = SqliteOptions::new().clock(clock()).open(&path).await.unwrap();
        let claim = Claim::new(1, Duration::from_secs(9)).attempts(20);
        let broken = |after| Finish::Retry { after, error: "the handler is broken".to_owned() };
        let attempt = async |finish| {
            let delivery = inbox.claim(&claim).await.unwrap().deliveries.pop().unwrap();
            assert!(inbox.finish(&delivery, finish).await.unwrap());
        };
        inbox.accept(&Body::new("P1", 1, "success").verified()).await.unwrap();
        attempt(broken(Duration::ZERO)).await;
        attempt(Finish::Done).await;
        let other = Body { amount: 2500, ..Body::new("P1", 1, "success") };
        inbox.accept(&other.verified()).await.unwrap();
        attempt(Finish::Done).await;
        // The next attempt is in a hundred years.
        inbox.accept(&Body::new("P2", 2, "processing").verified()).await.unwrap();
        attempt(broken(Duration::from_hours(24 * 36_525))).await;
        inbox.accept(&Body::new("P2", 2, "success").verified()).await.unwrap();
    });
    assert_eq!(
        ok(&["list", "--db", db]),
        "     4  waiting   2023-11-14T22:13:20+0000  1236/P2  success  waits for 3\n\
        \x20    3  waiting   2023-11-14T22:13:20+0000  1236/P2  processing  \
        after 1 attempts: the handler is broken\n\
        \x20    2  done      2023-11-14T22:13:20+0000  1236/P1  success  \
        contradicts an earlier message\n\
        \x20    1  done      2023-11-14T22:13:20+0000  1236/P1  success  \
        done at attempt 2, earlier error: the handler is broken\n"
    );
    let second = ecp(&["show", "--db", db, "4"]);
    assert!(stdout(&second).contains("\nwaits for       3\n"), "{}", stdout(&second));
    assert_eq!(stderr(&second), format!("next: ecp inbox show --db {db} 3\n"));
    let first = ok(&["show", "--db", db, "3"]);
    assert!(!first.contains("waits for"), "{first}");
    let contradicts = ecp(&["show", "--db", db, "2"]);
    let lines = "sum             25.00 EUR\n";
    assert!(stdout(&contradicts).contains(lines), "{}", stdout(&contradicts));
    let lines = "reports         the sum of the payment differs from the sum in an earlier message, \
                 and counts as unknown; the sum of operation 1 differs from the sum in an earlier \
                 message, and counts as unknown\n\
                 advice          deliver and book nothing before the status is requested from Gate\n";
    assert!(stdout(&contradicts).contains(lines), "{}", stdout(&contradicts));
    assert_eq!(stderr(&contradicts), "next: ecp status --profile NAME P1\n");

    let first = ecp(&["show", "--db", db, "3"]);
    assert_eq!(stderr(&first), format!("next: ecp inbox replay --db {db} 3\n"));
    let output = ecp(&["replay", "--db", db, "3", "4"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stdout(&output),
        "3: will be tried again now\n\
         4: not replayed: it already waits to be handled, after callback 3 of the same payment\n"
    );
    // An attempt that runs is not doubled.
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let inbox = SqliteOptions::new().open(&path).await.unwrap();
        let claim = Claim::new(1, Duration::from_hours(24 * 36_525)).attempts(20);
        let delivery = inbox.claim(&claim).await.unwrap().deliveries.pop().unwrap();
        assert_eq!((delivery.id.get(), delivery.attempt), (3, 2));
    });
    let output = ecp(&["replay", "--db", db, "3"]);
    let words = "3: not replayed: it is being handled: this attempt has until ";
    assert!(stdout(&output).starts_with(words), "{}", stdout(&output));
}

/// A document with the signature of the project, even if it was signed before.
fn signed(json: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(json.to_vec()).unwrap();
    let text = match text.split_once(",\"signature\":\"") {
        Some((before, rest)) => format!("{before}{}", rest.split_once('"').unwrap().1),
        None => text,
    };
    let key = SigningKey::new(&SecretKey::new("secret").unwrap());
    let rules = Rules::private().allow_ambiguous();
    signature::sign_document(&key, text.as_bytes(), Place::Root, rules).unwrap()
}

#[test]
fn a_held_callback_is_released_by_what_gate_signed() {
    let place = Filled::new();
    let db = place.db.as_str();
    let answer = |status: &str, key: &str| {
        let json = format!(
            r#"{{"project_id":1236,"payment":{{"id":"P3","type":"purchase","status":"{status}",
            "sum":{{"amount":10000,"currency":"EUR"}}}},"operations":[{{"id":1,"type":"sale",
            "status":"{status}","sum_initial":{{"amount":10000,"currency":"EUR"}}}}]}}"#
        );
        let key = SigningKey::new(&SecretKey::new(key).unwrap());
        signature::sign_document(&key, json.as_bytes(), Place::Root, Rules::private()).unwrap()
    };
    let release =
        |input: &[u8]| ecp_reading(input, &["release", "--db", db, "--key-env", "ECP_KEY", "4"]);
    let held = place.runtime.block_on(place.open().entry(EntryId::new(4))).unwrap().unwrap();
    let itself = signed(Body::new("P3", 1, "success").verified().raw());
    let doubtful = signed(
        br#"{"project_id":1236,"payment":{"id":"P3","status":"success","description":"x;payment:extra:1"},"operations":[{"id":1}]}"#,
    );
    let uncovered = signed(
        br#"{"project_id":1236,"payment":{"id":"P3","status":"success"},"frame_mode":"x","operations":[{"id":1}]}"#,
    );
    let elsewhere = signed(br#"{"project_id":1,"payment":{"id":"P3","status":"success"}}"#);
    let no_json = "error: standard input is not JSON, or a member is given twice; give Gate's answer to \
                   a status request: ";
    let a_callback = "error: standard input is not Gate's answer to a status request: the document has \
                      the member `operation`, which the answer to a status request never has";
    let table: [(&[u8], &str); 9] = [
        (b"", no_json),
        (b"{}", "error: Gate's answer on standard input is not genuine: no signature"),
        (
            &answer("success", "forged"),
            "error: Gate's answer on standard input is not genuine: the signature",
        ),
        (b"nonsense", no_json),
        // The callback that is held, and one that says the same.
        (&signed(held.raw.unwrap().expose()), a_callback),
        (&itself, a_callback),
        (
            &doubtful,
            "error: the signature of the answer on standard input allows more than one meaning of \
             `payment.description`: give a --profile",
        ),
        (
            &uncovered,
            "error: standard input is not Gate's answer to a status request: `frame_mode`: is a parameter of the",
        ),
        (
            &elsewhere,
            "error: standard input is not Gate's answer to a status request: the status answer is signed with this project's key, but",
        ),
    ];
    for (input, message) in table {
        let output = release(input);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).starts_with(message), "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
    }
    let lagging = release(&answer("processing", "secret"));
    assert_eq!(
        stdout(&lagging),
        "4: still held: Gate has not decided `payment.status` yet; try again later\n"
    );
    let denied = release(&answer("decline", "secret"));
    assert_eq!(
        stdout(&denied),
        "4: still held: `payment.status` in Gate's answer differs from `payment.status` in the callback: \
         deliver and book nothing by it, go by Gate's status (`ecp status`), and ask the platform's \
         technical support\n"
    );
    assert_eq!(denied.status.code(), Some(1));
    let list = ok(&["list", "--db", db, "--state", "held"]);
    assert!(list.ends_with(
        "after 1 status requests: Gate contradicts the callback: `payment.status` differs\n"
    ));
    assert!(ok(&["stats", "--db", db]).ends_with(
        "Gate is not asked again about 1 held callbacks: `ecp inbox list --state held` says why, and \
         `ecp inbox release` asks once more\n"
    ));
    let released = release(&answer("success", "secret"));
    assert_eq!(stdout(&released), "4: released, and will be handled\n");
    assert!(released.status.success());
    let machine = ["release", "--db", db, "--key-env", "ECP_KEY", "--json", "4"];
    let told = ecp_reading(&answer("success", "secret"), &machine);
    let text = "there is no held callback with this number: see `ecp inbox list`";
    let expected = serde_json::json!({"id": 4, "release": "not held", "text": text});
    assert_eq!(serde_json::from_str::<serde_json::Value>(&stdout(&told)).unwrap(), expected);
    let again = release(&answer("success", "secret"));
    assert_eq!(
        stdout(&again),
        "4: there is no held callback with this number: see `ecp inbox list`\n"
    );
    assert_eq!(again.status.code(), Some(1));
}

#[test]
fn gate_itself_is_asked_about_a_held_callback() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inbox.sqlite");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (gate, held, other) = runtime.block_on(async {
        let project =
            Project::new(Config::DEMO_PROJECT, Sensitive::new(Config::DEMO_KEY.to_owned()));
        let sandbox = Sandbox::new(Config::new().project(project));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gate = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(sandbox.serve(listener));
        let inbox = SqliteInbox::open(&path).await.unwrap();
        let mut ids = Vec::new();
        for project in [Config::DEMO_PROJECT.get(), 1236] {
            let body = Body { project, ..Body::new("P3", 1, "success") }.doubtful();
            match inbox.accept(&body.verified()).await.unwrap() {
                Accepted::Held(id) => ids.push(id.to_string()),
                other => panic!("{other:?}"),
            }
        }
        (gate, ids[0].clone(), ids[1].clone())
    });
    let db = path.to_str().unwrap();
    let ask = |gate: &str, id: &str| ecp(&["release", "--db", db, "--gate-url", gate, id]);
    // The sandbox knows no such payment, so this callback is not its own.
    let output = ask(&gate, &held);
    let expected =
        format!("{held}: still held: Gate has not decided `payment.status` yet; try again later\n");
    assert_eq!((output.status.code(), stdout(&output)), (Some(1), expected), "{}", stderr(&output));
    let output = ask(&gate, &other);
    let message = format!(
        "error: callback {other} belongs to project 1236, and profile `sandbox` to project "
    );
    assert!(stderr(&output).starts_with(&message), "{}", stderr(&output));
    let output = ask("http://127.0.0.1:9", &held);
    let message = format!(
        "error: callback {held} stays held, and this command can be run again: cannot get the status \
         of payment P3 from Gate: "
    );
    assert!(stderr(&output).starts_with(&message), "{}", stderr(&output));
    assert_eq!(
        stdout(&ask(&gate, "77")),
        "77: there is no held callback with this number: see `ecp inbox list`\n"
    );
}

#[test]
fn stats_tell_how_long_the_oldest_waits() {
    let place = Filled::new();
    let text = ok(&["stats", "--db", &place.db]);
    let counts = "waiting   1\nheld      1\ndead      1\ndone      1\nrepeated  1\npayments  4\n";
    let ages: Vec<&str> = text.strip_prefix(counts).unwrap().lines().collect();
    let [waits, held] = ages[..] else { panic!("{ages:?}") };
    assert!(
        waits.starts_with("the oldest waiting callback has waited for ") && waits.ends_with(" s"),
        "{waits}"
    );
    assert!(
        held.starts_with("the oldest held callback has been held for ") && held.ends_with(" s"),
        "{held}"
    );
    let json = ok(&["stats", "--db", &place.db, "--json"]);
    let stats: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(stats["oldest_waiting"], "2023-11-14T22:13:20+0000");
    assert!(stats["oldest_waiting_seconds"].as_u64().unwrap() > 1_000_000);
    assert_eq!((&stats["waiting"], &stats["unconfirmed"]), (&1.into(), &0.into()));
    assert_eq!(stats["oldest_held"], "2023-11-14T22:13:20+0000");
}

#[test]
fn a_wrong_file_is_reported_and_left_unchanged() {
    let place = Filled::new();
    let at = |name: &str| place.folder.path().join(name);
    let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let missing = at("missing.sqlite");
    let notes = at("notes.txt");
    std::fs::write(&notes, "no database at all, only words. ".repeat(100)).unwrap();
    let empty = at("empty.sqlite");
    std::fs::write(&empty, "").unwrap();
    let place_of = |path: &PathBuf, what: &str| what.replace("FILE", &text(path));
    let no_inbox = "error: cannot open the inbox in FILE: opening the inbox failed: the database is not an inbox of \
                    ecp-inbox: check its path or address; name the inbox database of your service\n";
    let table = [
        (
            &missing,
            "error: there is no file FILE: name the inbox database of your service with --db\n",
        ),
        (&notes, no_inbox),
        (&empty, no_inbox),
    ];
    for (path, message) in table {
        let before = std::fs::read(path).ok();
        for job in [&["stats"][..], &["list"], &["show", "1"], &["replay", "--dead"]] {
            let output = ecp(&[job, &["--db", &text(path)]].concat());
            assert_eq!(output.status.code(), Some(1), "{job:?}");
            assert_eq!(stderr(&output), place_of(path, message), "{job:?}");
            assert_eq!(stdout(&output), "");
        }
        assert_eq!(std::fs::read(path).ok(), before);
    }
    let newer = "UPDATE ecp_inbox_schema SET version = 99";
    let inbox = place.open();
    place.runtime.block_on(inbox.transaction(move |c| Ok(c.execute_batch(newer)?))).unwrap();
    let output = ecp(&["stats", "--db", &place.db]);
    assert!(stderr(&output).ends_with("use an `ecp` of the same version as your service\n"));
}

#[test]
fn a_wrong_command_line_says_what_to_do() {
    let table: [(&[&str], &str); 5] = [
        (&["stats"], "error: the following required arguments were not provided:"),
        (&["stats", "--db", "a", "--postgres", "b"], "error: the argument '--db <FILE>' cannot be"),
        (&["list", "--db", "a", "--state", "gone"], "error: invalid value 'gone' for '--state"),
        (&["replay", "--db", "a"], "error: the following required arguments were not provided:"),
        (
            &["stats", "--postgres", "postgres://me:sentinel@localhost/shop"],
            "error: --postgres has a password, which others can read on the command line: set the \
             environment variable PGPASSWORD instead\n",
        ),
    ];
    for (arguments, message) in table {
        let output = ecp(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).starts_with(message), "{arguments:?}: {}", stderr(&output));
        assert!(!stderr(&output).contains("sentinel"));
        assert_eq!(stdout(&output), "");
    }
}

#[test]
fn an_inbox_in_postgres_is_read_and_never_made() {
    let Some(server) = ecp_testkit::postgres::Server::start_or_skip("`ecp inbox` over Postgres")
    else {
        return;
    };
    let database = server.database().unwrap();
    let place = ["--postgres", database.as_str()];
    let missing = ecp(&[&["stats"][..], &place].concat());
    assert_eq!(missing.status.code(), Some(1));
    assert_eq!(
        stderr(&missing),
        "error: cannot open the inbox in the database of --postgres: opening the inbox failed: the database is not an inbox of \
         ecp-inbox: check its path or address; name the inbox database of your service\n"
    );
    assert_eq!(stderr(&ecp(&[&["stats"][..], &place].concat())), stderr(&missing), "it was made");

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let options = PostgresOptions::new().clock(clock());
        fill(&options.open(database.parse().unwrap()).await.unwrap()).await;
    });
    let list = ok(&[&["list"][..], &place].concat());
    let states: Vec<&str> = list.lines().filter_map(|l| l.split_whitespace().nth(1)).collect();
    assert_eq!(states, ["waiting", "held", "dead", "repeated", "done"]);
    assert!(list.contains(r"P4\u{1b}[2J"));
    let replayed = ok(&[&["replay", "--dead"][..], &place].concat());
    assert_eq!(replayed, "1 dead callbacks will be handled again\n");
}

#[test]
fn the_doctor_says_what_a_store_promises_and_what_to_do() {
    let filled = Filled::new();
    let text = ok(&["doctor", "--db", &filled.db]);
    let line = "ok       durability   the journal mode is WAL with synchronous=FULL";
    assert!(text.contains(line), "{text}");
    let lines = "warning  replicas     callbacks are in one file on one disk\n                      back it up";
    assert!(text.contains(lines), "{text}");

    let nowhere = filled.folder.path().join("no.sqlite");
    let output = ecp(&["doctor", "--db", nowhere.to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let findings: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let problems = findings.as_array().unwrap().iter().filter(|found| found["level"] == "problem");
    let topics: Vec<_> = problems.map(|found| found["topic"].as_str().unwrap()).collect();
    assert_eq!(topics, ["connection"]);
    assert!(!nowhere.exists());

    let output = ecp(&["doctor", "--postgres", "host=/nowhere user=shop dbname=shop"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stdout(&output).starts_with("problem  connection "), "{}", stdout(&output));
}
