//! `ecp operations` against a peer that serves two pages.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use ecp_core::SecretKey;
use ecp_core::signature::{self, Place, Rules, SigningKey};
use serde_json::{Value, json};
use support::{ecp, stderr, stdout};

/// Serves as many operations as are asked for from 1001 of them, and returns its address.
fn peer() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let key = SigningKey::new(&SecretKey::new("data-key").unwrap());
            let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
            let body: Value = loop {
                let read = stream.read(&mut buffer).unwrap();
                request.extend_from_slice(&buffer[..read]);
                let text = String::from_utf8_lossy(&request).into_owned();
                let Some((_, body)) = text.split_once("\r\n\r\n") else { continue };
                if let Ok(value) = serde_json::from_str(body) {
                    signature::verify(std::slice::from_ref(&key), body.as_bytes()).unwrap();
                    break value;
                }
            };
            let from = body["offset"].as_u64().unwrap();
            let to = (from + body["limit"].as_u64().unwrap()).min(1001);
            let row = |id: u64| json!({"operation_id": id, "payment": {"description": "=1+1"}});
            let rows: Vec<Value> = (from..to).map(row).collect();
            let answer = json!({"operations": rows}).to_string();
            let rules = Rules::private().allow_ambiguous();
            let signed =
                signature::sign_document(&key, answer.as_bytes(), Place::Root, rules).unwrap();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                signed.len()
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&signed).unwrap();
        }
    });
    url
}

fn operations(folder: &Path, url: &str, arguments: &[&str]) -> Command {
    let profile = format!(
        "[shop]\nproject = 7\nkey_env = \"SHOP_KEY\"\ntest = true\ndata_token_env = \"TOKEN\"\n\
         data_key_env = \"DATA_KEY\"\ndata_url = \"{url}\"\n"
    );
    std::fs::write(folder.join("profiles.toml"), profile).unwrap();
    let mut command = ecp(folder, &["operations", "--profiles", "profiles.toml"]);
    command.args(["--profile", "shop", "--from", "2024-01-01 00:00:00"]);
    command.args(["--to", "2024-01-31 23:59:59"]).args(arguments);
    command.env("SHOP_KEY", "k").env("TOKEN", "token-sentinel").env("DATA_KEY", "data-key");
    command
}

#[test]
fn all_pages_are_exported_and_no_cell_is_a_formula() {
    let (folder, url) = (tempfile::tempdir().unwrap(), peer());
    let csv = operations(folder.path(), &url, &[]).output().unwrap();
    assert_eq!(csv.status.code(), Some(0), "{}", stderr(&csv));
    let lines: Vec<&str> = stdout(&csv).lines().collect();
    assert_eq!((lines.len(), lines[0]), (1002, "operation_id,payment.description"));
    assert_eq!((lines[1], lines[1001]), ("0,'=1+1", "1000,'=1+1"));
    assert_eq!(stderr(&csv), "1000 operations\n1001 operations\n");

    let arguments = ["--output", "out.json", "--filter", "operation_type=[\"payout\"]"];
    let json = operations(folder.path(), &url, &arguments).output().unwrap();
    assert_eq!((json.status.code(), stdout(&json)), (Some(0), ""), "{}", stderr(&json));
    let text = std::fs::read_to_string(folder.path().join("out.json")).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last, json!({"operation_id": "1000", "payment.description": "=1+1"}));

    let book = operations(folder.path(), &url, &["--output", "out.xlsx"]).output().unwrap();
    assert_eq!(book.status.code(), Some(0), "{}", stderr(&book));
    let bytes = std::fs::read(folder.path().join("out.xlsx")).unwrap();
    assert!(bytes.starts_with(b"PK\x03\x04") && bytes.len() > 5000, "{} bytes", bytes.len());
}

#[test]
fn what_is_wrong_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = "http://127.0.0.1:1";
    let table: [(&[&str], i32, &str); 4] = [
        (&["--format", "xlsx"], 2, "error: a workbook needs --output PATH\n"),
        (&["--filter", "x=["], 1, "error: the filter `x` is no JSON: "),
        (&["--filter", "x"], 2, "error: invalid value 'x' for '--filter <NAME=JSON>'"),
        (&["--profile", "sandbox"], 2, "error: the argument '--profile <NAME>' cannot be used"),
    ];
    for (arguments, code, message) in table {
        let output = operations(folder.path(), nobody, arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).starts_with(message), "{arguments:?}: {}", stderr(&output));
    }
    let profile = "[shop]\nproject = 7\nkey_env = \"SHOP_KEY\"\n";
    std::fs::write(folder.path().join("none.toml"), profile).unwrap();
    let none = ecp(folder.path(), &["operations", "--from", "2024-01-01 00:00:00"])
        .args(["--to", "2024-01-31 23:59:59", "--profiles", "none.toml", "--profile", "shop"])
        .env("SHOP_KEY", "k")
        .output()
        .unwrap();
    assert_eq!(
        stderr(&none),
        "error: profile `shop` has no Data API: add `data_token_env` and `data_key_env` to it\n"
    );
    let early =
        ecp(folder.path(), &["operations", "--from", "2024", "--to", "2025"]).output().unwrap();
    assert_eq!(stderr(&early), "error: `interval.from` must have the form YYYY-MM-DD hh:mm:ss\n");
}
