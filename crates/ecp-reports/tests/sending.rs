use std::io::Cursor;
use std::time::Duration;

use calamine::{Data, Reader as _, Xlsx};
use ecp_core::Sensitive;
use ecp_reports::{
    Attachment, Cell, Delivery, DeliveryState, Format, InvalidSmtp, Letter, Retries, SendMail,
    Smtp, SmtpSettings, Table, Tls,
};
use serde_json::json;

use crate::smtp::{SmtpServer, bytes_of};

fn settings(server: &SmtpServer) -> SmtpSettings {
    let from = "Shop Äpfel <reports@shop.example>".parse().unwrap();
    SmtpSettings::new("127.0.0.1", from)
        .port(server.port)
        .tls(Tls::None)
        .timeout(Duration::from_secs(20))
}

fn password(text: &str) -> Sensitive<String> {
    Sensitive::new(text.to_owned())
}

fn table() -> Table {
    let mut table = Table::new(["payment_id", "amount"]);
    table.push([Cell::text("=1+1"), Cell::Number(1000)]);
    table.push([Cell::text("a\nb"), Cell::Number(-5)]);
    table
}

fn letter(format: Option<Format>) -> Letter {
    letter_to("mary@shop.example", format)
}

fn letter_to(to: &str, format: Option<Format>) -> Letter {
    let file = |format: Format| {
        let bytes = table().write(format).unwrap().bytes;
        Attachment::new(format!("declines-2026-11-27.{format}"), format, bytes)
    };
    let subject = "declines, 2026-11-27: «отчёт»";
    let delivery = Delivery::new(to.parse().unwrap());
    let mut letter = Letter::new(&delivery, subject, "2 rows.\nOf 2026-11-27.\n");
    "0123456789abcdef".clone_into(&mut letter.id);
    letter.attachment(format.map(file))
}

/// Why a letter is not taken, and whether that stays so.
fn refusal(settings: SmtpSettings, to: &str) -> (String, bool) {
    let smtp = Smtp::new(settings).unwrap();
    let error = smtp.send(&letter_to(to, Some(Format::Csv))).unwrap_err();
    let text = error.to_string();
    for secret in [to, "reports@", "sentinel"] {
        assert!(!text.contains(secret), "{text}");
    }
    (text, error.is_permanent())
}

#[test]
fn a_mail_arrives_with_its_file_byte_for_byte() {
    let Some(mut server) = SmtpServer::start(&json!({})) else { return };
    let smtp = Smtp::new(settings(&server)).unwrap();
    for format in Format::ALL {
        smtp.send(&letter(Some(format))).unwrap();
        let mail = server.next();
        assert_eq!(mail["from"], "reports@shop.example");
        assert_eq!(mail["to"], json!(["mary@shop.example"]));
        assert_eq!(mail["headers"]["From"], "Shop Äpfel <reports@shop.example>");
        assert_eq!(mail["headers"]["Subject"], "declines, 2026-11-27: «отчёт»");
        assert_eq!(mail["headers"]["Message-ID"], "<0123456789abcdef@shop.example>");
        assert_eq!(mail["text"].as_str().unwrap().replace("\r\n", "\n"), letter(None).text);
        let file = &mail["files"][0];
        assert_eq!(file["name"], format!("declines-2026-11-27.{format}"));
        assert_eq!(file["type"], format.media_type().split(';').next().unwrap());
        let bytes = bytes_of(file);
        match format {
            Format::Csv => assert_eq!(bytes, table().write(format).unwrap().bytes),
            Format::Xlsx => {
                let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
                let sheet = book.worksheet_range_at(0).unwrap().unwrap();
                assert_eq!(sheet.get((1, 0)), Some(&Data::String("=1+1".to_owned())));
                assert_eq!(sheet.get((1, 1)), Some(&Data::Float(1000.0)));
            }
        }
    }
    smtp.send(&letter(None)).unwrap();
    assert_eq!(server.next()["files"], json!([]));
    assert!(server.received().is_empty());
}

#[test]
fn a_login_and_a_file_go_over_tls_to_a_server_whose_certificate_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("server.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    for (mode, tls) in [("implicit", Tls::Implicit), ("starttls", Tls::StartTls)] {
        let wanted = json!({
            "certificate": certificate,
            "key": key,
            "tls": mode,
            "user": "reports",
            "password": "sentinel",
        });
        let Some(mut server) = SmtpServer::start(&wanted) else { return };
        let trusted = settings(&server)
            .tls(tls)
            .login("reports", password("sentinel"))
            .root_certificates(made.cert.pem());
        Smtp::new(trusted.clone()).unwrap().send(&letter(Some(Format::Csv))).unwrap();
        let mail = server.next();
        assert_eq!((&mail["tls"], &mail["login"]), (&json!(true), &json!(true)), "{mode}");

        let unknown = settings(&server).tls(tls).login("reports", password("sentinel"));
        let error = Smtp::new(unknown).unwrap().send(&letter(None)).unwrap_err();
        assert!(error.to_string().contains("certificate") && error.is_permanent(), "{error}");
        let wrong = trusted.login("reports", password("sentinel-2"));
        let error = Smtp::new(wrong).unwrap().send(&letter(None)).unwrap_err();
        let start = "the server does not accept the user and the password: 535 ";
        assert!(error.to_string().starts_with(start) && error.is_permanent(), "{error}");
        assert!(server.received().is_empty());
    }
    let invalid = SmtpSettings::new("smtp.shop.example", "a@b.example".parse().unwrap());
    let error = Smtp::new(invalid.root_certificates(b"no certificate".to_vec())).unwrap_err();
    assert_eq!(error, InvalidSmtp::Certificates);
}

#[test]
fn every_refusal_is_described_without_an_address_or_a_password() {
    let Some(server) = SmtpServer::start(&json!({})) else { return };
    for (to, expected, stays) in [
        ("refused@shop.example", "the server refuses the recipient: 550 5.1.1 <[hidden]>: ", true),
        ("later-9@shop.example", "the server refuses the recipient: 451 4.7.1 Greylisted", false),
        (
            "hang-up-9@shop.example",
            "the server has not confirmed the mail, which may have arrived: ",
            false,
        ),
    ] {
        let (text, is_permanent) = refusal(settings(&server), to);
        assert!(text.starts_with(expected), "{text}");
        assert_eq!(is_permanent, stays, "{text}");
    }
    let to = "mary@shop.example";
    let login = settings(&server).login("reports", password("sentinel"));
    let (text, is_permanent) = refusal(login, to);
    assert!(text.contains("offers no login by PLAIN or LOGIN") && is_permanent, "{text}");
    let (text, is_permanent) = refusal(settings(&server).tls(Tls::StartTls), to);
    assert!(text.contains("offers no STARTTLS, so nothing was sent") && is_permanent, "{text}");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let expected = format!("cannot connect to 127.0.0.1:{free}: connection refused");
    assert_eq!(refusal(settings(&server).port(free), to), (expected, false));
    assert!(server.received().is_empty());
}

#[test]
fn a_mail_that_the_server_hung_up_on_is_sent_again_under_the_same_id() {
    let Some(server) = SmtpServer::start(&json!({})) else { return };
    let smtp = Smtp::new(settings(&server)).unwrap();
    let mut delivery = Delivery::new("hang-up-2@shop.example".parse().unwrap());
    let mut pauses = 0;
    while delivery.is_waiting() {
        let letter = Letter::new(&delivery, "again", "again");
        pauses += u32::from(delivery.record(smtp.send(&letter), Retries::default()).is_some());
    }
    assert_eq!((delivery.state(), pauses), (&DeliveryState::Sent, 2));
    let mails = server.received();
    assert_eq!(mails.len(), 1);
    let id = format!("<{}@shop.example>", delivery.id());
    assert_eq!(mails[0]["headers"]["Message-ID"], id);
}
