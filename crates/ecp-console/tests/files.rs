//! The pages of journals and reports.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use ecp_console::Console;
use ecp_core::ProjectId;
use ecp_payouts::{Journal, Owner};
use http::StatusCode;
use rusqlite::Connection;

use crate::browser::{Browser, seen};

fn owner() -> Owner {
    Owner::new(ProjectId::new(1236).unwrap(), "https://gate.example")
}

/// A journal with these rows: of payouts as `id, state, amount in minor units`, of refunds too.
fn journal(path: &Path, payouts: &[(&str, &str, i64)], refunds: &[(&str, &str)]) {
    drop(Journal::open(path, &owner()).unwrap());
    let connection = Connection::open(path).unwrap();
    for (id, state, amount) in payouts {
        connection
            .execute(
                "INSERT INTO payouts (payment_id, state, digest, sends, sent_at_ms, request_id, evidence, \
                 amount, currency) VALUES (?1, ?2, zeroblob(32), 1, 1700000000000, 'R-1', 'a <test>', ?3, 'EUR')",
                (id, state, amount),
            )
            .unwrap();
    }
    for (id, state) in refunds {
        connection
            .execute(
                "INSERT INTO refunds (payment_id, refund_id, state, digest, sends, evidence) \
                 VALUES (?1, 'F-1', ?2, zeroblob(32), 1, 'a test')",
                (id, state),
            )
            .unwrap();
    }
}

#[tokio::test]
async fn payout_jobs_say_what_is_unclear_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [
        ("P-1", "success", 1000),
        ("P-2", "success", 250),
        ("P-3", "decline", 9900),
        ("P-4", "intended", 40_000),
        ("P-5", "error", 1),
        ("P-6", "registered", 77),
        ("P<7>", "not sent", 3),
    ];
    journal(&folder.path().join("january.csv.journal"), &rows, &[("S-1", "unknown")]);
    journal(&folder.path().join("quiet.journal"), &rows[..3], &[]);
    let newer = folder.path().join("newer.journal");
    journal(&newer, &rows[..1], &[]);
    let connection = Connection::open(&newer).unwrap();
    connection.execute("UPDATE payouts SET currency = 'unknown'", ()).unwrap();
    drop(connection);
    std::fs::write(folder.path().join("broken.journal"), "no database, only words ".repeat(50))
        .unwrap();
    std::fs::write(folder.path().join("payouts.csv"), "not a journal").unwrap();
    let console = Console::new().journals(folder.path());
    let browser = Browser(console.into_router("/console"));

    let first = seen(&browser.page("/console").await);
    for text in [
        "january.csv.journal: 3 rows are unclear: money may have moved (400.01 EUR)",
        "broken.journal: the journal cannot be read: the file is not a journal of payouts",
        "newer.journal: 1 entry cannot be read in full by this version Update this program",
    ] {
        assert!(first.contains(text), "{first}");
    }
    assert!(!first.contains("quiet.journal"), "{first}");

    let list = browser.page("/console/payouts").await;
    let text = seen(&list);
    assert!(text.contains("january.csv.journal 3 of 8 rows of the journal have a result 12.50 EUR 3 rows 400.01 EUR 0.77 EUR 2023-11-14 22:13:20"), "{text}");
    assert!(
        text.contains("quiet.journal 3 of 3 rows of the journal have a result 12.50 EUR none none"),
        "{text}"
    );
    assert!(
        text.contains("broken.journal cannot be read the file is not a journal of payouts"),
        "{text}"
    );
    assert!(!text.contains("payouts.csv"), "{text}");

    let link = list.split("href=\"").find(|link| link.contains("january")).unwrap();
    let link = link.split('"').next().unwrap().replace("&#38;", "&");
    let job = browser.page(&link).await;
    let text = seen(&job);
    assert_eq!(job.matches("data-label=\"Payment\"").count(), 3, "{text}");
    for words in [
        "P-4 intended 400.00 EUR may have been sent: its payer recorded no answer. To do: Run the same ecp payouts command again; a service repeats Payer::pay with the same request. Either asks the platform first.",
        "P-5 error 0.01 EUR ended in an error: nothing says whether money has moved, or how much. To do: Do not pay or refund it again, under any id.",
        "S-1 refund F-1 unknown all a refund that may have been carried out. To do:",
    ] {
        assert!(text.contains(words), "{text}");
    }
    assert!(job.contains("a &#60;test&#62;") && !job.contains("<test>"), "{job}");
    for (show, count) in [
        ("all", 8),
        ("success", 2),
        ("not+sent", 1),
        ("unclear", 3),
        ("unknown", 1),
        ("nonsense", 8),
    ] {
        let page = browser.page(&format!("{link}&show={show}")).await;
        assert_eq!(page.matches("data-label=\"Payment\"").count(), count, "{show}");
    }
    assert!(browser.page(&format!("{link}&page=7")).await.contains("rel=\"prev\""));
    assert!(browser.page(&format!("{link}&show=all")).await.contains("P&#60;7&#62;"));

    // An address leads to no file but those.
    let secret = folder.path().join("payouts.csv");
    for file in [secret.to_str().unwrap(), "/etc/passwd", "january.csv.journal", ""] {
        let answer = browser.get(&format!("/console/payouts/job?file={file}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{file}");
    }
}

#[tokio::test]
async fn a_journal_that_a_run_has_open_is_said_to_be_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("payouts.csv.journal");
    let browser = Browser(Console::new().journals(&path).into_router(""));
    assert!(browser.page("/payouts").await.contains("cannot be read"), "it is not there");
    let run = Journal::open(&path, &owner()).unwrap();
    let list = browser.page("/payouts").await;
    assert!(
        seen(&list).contains("a run has it open It can be read when the run has ended."),
        "{list}"
    );
    assert!(browser.page("/").await.contains("Nothing needs a person now."));
    drop(run);
    // The thread that writes ends a moment after.
    for _ in 0..200 {
        if browser.page("/payouts").await.contains("0 of 0 rows") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it stays in use");
}

#[tokio::test]
async fn many_rows_are_read_in_pages() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("payouts.journal");
    let ids: Vec<String> = (0..250).map(|number| format!("P-{number:03}")).collect();
    let rows: Vec<_> = ids.iter().map(|id| (id.as_str(), "unknown", 1)).collect();
    journal(&path, &rows, &[]);
    let browser = Browser(Console::new().journals(&path).into_router(""));
    let link = format!("/payouts/job?file={}", path.display());
    let mut found = Vec::new();
    for page in 0..3 {
        let html = browser.page(&format!("{link}&page={page}")).await;
        assert_eq!(html.contains("rel=\"next\""), page < 2);
        let cells = html.split("data-label=\"Payment\" class=\"any\">").skip(1);
        found.extend(cells.map(|cell| cell.split('<').next().unwrap().to_owned()));
    }
    assert_eq!(found, ids);
}

const DIFFERENCE: &str = r#"{"difference":"paid_twice","payment":"P-<1>","operation":7,"operation_type":"payout","platform":{"status":"success","amount":1000,"currency":"EUR"},"journal":null,"inbox":{"status":"decline","amount":null,"currency":null},"request_id":"R-1","callbacks":[42],"members":["sum"],"meaning":"two successful payouts under one id","action":"stop further runs; ask technical support"}"#;
const SUMMARY: &str = r#"{"summary":{"agrees":false,"differences":1,"payments":9,"pending":2,"operations":10,"without_sum":0,"payouts":3,"callbacks":4,"questions":1,"odd":1,"odd_payouts":1,"odd_records":[]}}"#;

#[tokio::test]
async fn reports_of_reconciliations_say_what_differs_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("unfinished.json", &format!("{DIFFERENCE}\n"));
    write("agrees.jsonl", &SUMMARY.replace("false", "true"));
    write("other.json", "{\"sentinel\": 1}\n");
    write("empty.json", "");
    write("odd.json", &SUMMARY.replace("\"differences\":1", "\"differences\":0"));
    write("notes.txt", "not a report");
    let old = std::time::SystemTime::now() - std::time::Duration::from_mins(10);
    for name in ["unfinished.json", "agrees.jsonl", "other.json", "empty.json", "odd.json"] {
        std::fs::File::options()
            .write(true)
            .open(folder.path().join(name))
            .unwrap()
            .set_modified(old)
            .unwrap();
    }
    write("january.json", &format!("{DIFFERENCE}\n{SUMMARY}\n"));
    let browser = Browser(Console::new().reports(folder.path()).into_router("/console"));

    // The newest one counts.
    let first = seen(&browser.page("/console").await);
    let newest = "january.json: 1 difference from the platform, 1 payout not compared";
    assert!(first.contains(newest), "{first}");
    assert!(!first.contains("odd.json"), "{first}");
    let odd = Console::new().reports(folder.path().join("odd.json")).into_router("");
    let first = seen(&Browser(odd).page("/").await);
    assert!(first.contains("odd.json: 1 payout not compared Money may have left"), "{first}");
    let list = browser.page("/console/reconciliation").await;
    let text = seen(&list);
    for words in [
        "january.json 1 difference 1 payout not compared 9 2",
        "odd.json 1 payout not compared 9 2",
        "agrees.jsonl the sides agree 9 2",
        "unfinished.json not finished 1 difference so far",
        "other.json cannot be read line 1 is not one that `ecp reconcile --json` prints",
    ] {
        assert!(text.contains(words), "{text}");
    }
    assert!(!text.contains("sentinel") && !text.contains("notes.txt"), "{text}");

    let link = list.split("href=\"").find(|link| link.contains("january")).unwrap();
    let link = link.split('"').next().unwrap();
    let report = browser.page(link).await;
    let text = seen(&report);
    for words in [
        "Payments compared 9",
        "1 payout could not be compared: money may have left.",
        "P-&#60;1&#62; paid_twice two successful payouts under one id operation 7, payout platform success 10.00 EUR inbox decline request R-1 members sum callback 42 stop further runs; ask technical support",
    ] {
        assert!(text.contains(words), "{text}");
    }
    let none = browser.page(&format!("{link}&kind=not_there")).await;
    assert!(!none.contains("callback 42"), "{none}");
    let unfinished = browser.page(&link.replace("january", "unfinished")).await;
    assert!(unfinished.contains("The comparison did not come to its end"), "{unfinished}");
    for (name, is_all_well) in [("agrees.jsonl", true), ("empty.json", false), ("odd.json", false)]
    {
        let page = browser.page(&link.replace("january.json", name)).await;
        assert_eq!(page.contains("nothing is to do"), is_all_well, "{name}: {page}");
    }
    let missing = browser.get(&link.replace("january.json", "notes.txt")).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}
