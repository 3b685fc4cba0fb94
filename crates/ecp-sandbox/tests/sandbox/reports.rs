//! Reports of the Dashboard: by hand, on schedule, kept, and sent to a real SMTP server.

use std::io::Cursor;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use calamine::{Data, Reader as _, Xlsx};
use ecp_reports::{Letter, MailError, SendMail, Smtp, SmtpSettings, Tls};
use ecp_sandbox::Config;
use http::{StatusCode, header};
use serde_json::json;

use crate::smtp::{SmtpServer, bytes_of};
use crate::support::{World, form_encoded};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const SECOND: Duration = Duration::from_secs(1);

/// A sandbox with virtual time from the noon of a Friday.
async fn world(adjust: impl FnOnce(Config) -> Config) -> World {
    let start = "2026-11-27T12:00:00+0000".parse().unwrap();
    World::with(|config| adjust(config.virtual_time(start))).await
}

async fn paid(world: &mut World) {
    for (id, decision) in [("=1+1", "success"), ("plain", "decline"), ("other", "success")] {
        let sale = world.sale(id, 10_000, "EUR");
        world.whole_sale(sale, decision).await;
    }
}

async fn page(world: &World) -> String {
    let page = world.open("/dashboard/reports").await;
    assert_eq!(page.status, StatusCode::OK);
    page.text
}

/// The addresses of the kept files, newest first.
async fn files(world: &World) -> Vec<String> {
    let page = page(world).await;
    let links =
        page.split("href=\"").skip(1).filter(|rest| rest.starts_with("/dashboard/reports/files/"));
    links.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

async fn create(world: &World, fields: &[(&str, &str)]) -> String {
    let form = world.submit("/dashboard/reports", &form_encoded(fields)).await;
    if form.status == StatusCode::SEE_OTHER {
        return form.header(header::LOCATION).to_owned();
    }
    assert_eq!(form.status, StatusCode::UNPROCESSABLE_ENTITY);
    let notice = form.text.split("role=\"alert\">").nth(1).unwrap();
    notice.split("</p>").next().unwrap().to_owned()
}

/// Keeps the letters that it is given.
#[derive(Clone, Debug, Default)]
struct Outbox(Arc<Mutex<Vec<Letter>>>);

impl SendMail for Outbox {
    fn send(&self, letter: &Letter) -> Result<(), MailError> {
        self.0.lock().unwrap().push(letter.clone());
        Ok(())
    }
}

#[tokio::test]
async fn a_report_is_made_by_hand_and_kept_four_days() {
    let mut world = world(|config| config).await;
    paid(&mut world).await;
    let form = [
        ("name", "Успех, всё"),
        ("list", "payments"),
        ("status", "success"),
        ("columns", "payment_id, amount_minor"),
        ("format", "csv"),
        ("from", "2026-11-27"),
        ("to", "2026-11-27"),
    ];
    assert_eq!(create(&world, &form).await, "/dashboard/reports?done=report");
    let [link] = &files(&world).await[..] else { panic!("{:?}", files(&world).await) };
    assert_eq!(link, "/dashboard/reports/files/1/report-2026-11-27.csv");
    let file = world.open(link).await;
    assert_eq!(file.text, "payment_id,amount_minor\nother,10000\n'=1+1,10000\n");
    let disposition = file.header(header::CONTENT_DISPOSITION);
    assert_eq!(disposition, "attachment; filename=\"report-2026-11-27.csv\"");
    assert_eq!(world.open("/dashboard/reports/files/1/other.csv").await.status, 404);

    // The template makes it again.
    world.submit("/dashboard/reports/make", "template=1").await;
    assert_eq!(files(&world).await.len(), 2);
    assert!(world.sandbox.advance((4 * DAY).saturating_sub(SECOND)).await);
    assert_eq!(world.open(link).await.status, 200);
    assert!(world.sandbox.advance(SECOND).await);
    assert_eq!(world.open(link).await.status, 404);
    assert!(page(&world).await.contains("No reports yet"));
}

#[tokio::test]
async fn a_periodic_report_is_made_at_each_of_its_moments_until_its_template_is_removed() {
    let outbox = Outbox::default();
    let mut world = world(|config| config.mailer(outbox.clone())).await;
    paid(&mut world).await;
    let form = [
        ("name", "Daily"),
        ("list", "operations"),
        ("format", "csv"),
        ("repeat", "daily"),
        ("at", "07:00"),
        ("zone", "Europe/Berlin"),
        ("recipients", "mary@shop.example, JOHN@shop.example;mary@shop.example"),
        ("deliver", "link"),
    ];
    assert_eq!(create(&world, &form).await, "/dashboard/reports?done=template");
    let text = page(&world).await;
    assert!(text.contains("daily 07:00 Europe/Berlin"), "{text}");
    assert!(text.contains("2026-11-28 06:00:00"), "{text}");
    assert!(files(&world).await.is_empty());

    assert!(world.sandbox.advance(18 * HOUR).await);
    world.sandbox.settled().await;
    assert_eq!(files(&world).await, ["/dashboard/reports/files/1/daily-2026-11-27.csv"]);
    let text = world.open("/dashboard/reports/files/1/daily-2026-11-27.csv").await.text;
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(page(&world).await.contains("data-label=\"Days\">2026-11-27, Europe/Berlin</td>"));
    let letters = std::mem::take(&mut *outbox.0.lock().unwrap());
    let to: Vec<&str> = letters.iter().map(|letter| letter.to.as_str()).collect();
    assert_eq!(to, ["mary@shop.example", "JOHN@shop.example"]);
    assert!(letters[0].attachment.is_none() && letters[0].id != letters[1].id);
    let address = "http://sandbox.test/dashboard/reports/files/1/daily-2026-11-27.csv";
    assert!(letters[0].text.contains(address), "{}", letters[0].text);
    assert_eq!(letters[0].subject, "Report Daily, 2026-11-27");

    // A month of reports, of which four days are kept.
    assert!(world.sandbox.advance(30 * DAY).await);
    world.sandbox.settled().await;
    assert_eq!(outbox.0.lock().unwrap().len(), 60);
    let kept = files(&world).await;
    assert_eq!((kept.len(), kept[0].ends_with("daily-2026-12-27.csv")), (4, true), "{kept:?}");
    world.submit("/dashboard/reports/remove", "template=1").await;
    assert!(world.sandbox.advance(3 * DAY).await);
    assert_eq!(files(&world).await.len(), 1);
    let gone = world.submit("/dashboard/reports/make", "template=1").await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert!(gone.text.contains("The report template no longer exists."), "{}", gone.text);
}

#[tokio::test]
async fn a_schedule_ends_with_the_last_year_of_the_calendar() {
    let start = "9999-12-31T12:00:00+0000".parse().unwrap();
    let world = World::with(|config| config.virtual_time(start)).await;
    let form = [("name", "a"), ("list", "payments"), ("format", "csv"), ("repeat", "daily")];
    let form = [&form[..], &[("at", "07:00")]].concat();
    assert_eq!(create(&world, &form).await, "/dashboard/reports?done=template");
    assert!(world.sandbox.advance(4 * HOUR).await);
    assert!(files(&world).await.is_empty());
}

#[tokio::test]
async fn a_mail_has_the_workbook_and_a_failed_one_costs_no_report() {
    let Some(mut server) = SmtpServer::start(&json!({})) else { return };
    let from = "Sandbox <reports@shop.example>".parse().unwrap();
    let settings = SmtpSettings::new("127.0.0.1", from).port(server.port).tls(Tls::None);
    let smtp = Smtp::new(settings).unwrap();
    let mut world = world(|config| config.mailer(smtp)).await;
    paid(&mut world).await;
    let form = [
        ("name", "Weekly"),
        ("list", "payments"),
        ("columns", "payment_id amount_minor status"),
        ("format", "xlsx"),
        ("repeat", "weekly"),
        ("weekday", "monday"),
        ("at", "07:00"),
        ("recipients", "mary@shop.example refused@shop.example hang-up-2@shop.example"),
    ];
    assert_eq!(create(&world, &form).await, "/dashboard/reports?done=template");
    // The pauses before the mail is sent again are virtual, too.
    assert!(world.sandbox.advance(3 * DAY).await);
    world.sandbox.settled().await;
    let mut to = Vec::new();
    for _ in 0..2 {
        let mail = server.next();
        let file = &mail["files"][0];
        assert_eq!(file["name"], "weekly-2026-11-23-to-2026-11-29.xlsx");
        let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes_of(file))).unwrap();
        let rows = book.worksheet_range_at(0).unwrap().unwrap();
        let rows: Vec<&[Data]> = rows.rows().collect();
        assert_eq!(rows.len(), 4);
        let text = |text: &str| Data::String(text.to_owned());
        assert_eq!(rows[3], [text("=1+1"), Data::Float(10_000.0), text("success")]);
        assert_eq!(mail["headers"]["Subject"], "Report Weekly, 2026-11-23 to 2026-11-29");
        to.push(mail["to"][0].as_str().unwrap().to_owned());
    }
    to.sort();
    assert_eq!(to, ["hang-up-2@shop.example", "mary@shop.example"]);
    assert!(server.received().is_empty());
    let text = page(&world).await;
    for expected in [
        "<span class=\"badge yes\">sent</span> mary@shop.example",
        "<span class=\"badge yes\">sent</span> hang-up-2@shop.example",
        "<span class=\"badge no\">failed</span> refused@shop.example: the server refuses the \
         recipient: 550 5.1.1",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    assert_eq!(files(&world).await.len(), 1);

    // Without the server the report is kept, and the mail is given up after four attempts.
    world.submit("/dashboard/reports/make", "template=1").await;
    world.sandbox.settled().await;
    let text = page(&world).await;
    let waiting = "<span class=\"badge wait\">waiting</span> mary@shop.example: cannot connect to";
    assert!(text.contains(waiting), "{text}");
    assert!(world.sandbox.advance(HOUR).await);
    world.sandbox.settled().await;
    let text = page(&world).await;
    assert!(text.contains("connection refused (4 attempts)"), "{text}");
    assert_eq!(files(&world).await.len(), 2);
}

#[tokio::test]
async fn what_cannot_be_written_or_sent_is_refused_with_the_reason() {
    let world = world(|config| config).await;
    let form = |changes: &[(&'static str, &'static str)]| {
        let mut fields = vec![("name", "a"), ("list", "payments"), ("format", "csv")];
        for (name, value) in changes {
            fields.retain(|(known, _)| known != name);
            fields.push((name, value));
        }
        fields
    };
    for (changes, reason) in [
        (&[("format", "xls")][..], "cannot write XLS files: no maintained library writes them."),
        (&[("format", "pdf")], "cannot write `pdf` files: use csv or xlsx"),
        (&[("name", " ")], "Give the template a name."),
        (&[("list", "refunds")], "Choose the list for the report: payments or operations."),
        (&[("columns", "payment_id, sum")], "The list of payments has no column `sum`; its"),
        (&[("zone", "Moon/Sea")], "there is no time zone `Moon/Sea`"),
        (&[("from", "2026-11-27")], "Give both days"),
        (&[("from", "2026-11-27"), ("to", "2026-11-26")], "Give both days"),
        (&[("repeat", "hourly")], "`hourly` is not a repetition"),
        (&[("repeat", "daily"), ("at", "25:00")], "`daily 25:00` is not a schedule"),
        (&[("repeat", "daily"), ("at", "07:00"), ("from", "2026-11-27")], "give no days."),
        (&[("recipients", "mary@shop.example")], "no mail server is configured"),
        (
            // An address that is given twice counts in the number of the next one.
            &[("recipients", "mary@shop.example, mary@shop.example, nobody")],
            "Recipient 3: the e-mail address is not valid: it has",
        ),
    ] {
        let notice = create(&world, &form(changes)).await;
        assert!(notice.contains(reason), "{changes:?}: {notice}");
    }
    assert!(!page(&world).await.contains("aria-label=\"Templates\""));
    for (file, reason) in [
        ("payments.xls", "cannot write XLS files: no maintained library writes them."),
        ("payments.pdf", "cannot write `pdf` files: use csv or xlsx"),
        ("operations", "the file name has no ending"),
    ] {
        let answer = world.open(&format!("/dashboard/export/{file}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.text.starts_with(reason), "{}", answer.text);
    }
    assert_eq!(world.open("/dashboard/export/refunds.csv").await.status, 404);
}
