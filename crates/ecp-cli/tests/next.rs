//! What a command says of the next one, and what it suggests where a word is wrong.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::sandbox::{Sandbox, until};
use crate::support::{ecp, stderr, stdout};

/// What follows `next: ` in each of these lines.
fn next_lines(output: &Output) -> Vec<String> {
    let lines = stderr(output).lines();
    lines.filter_map(|line| line.strip_prefix("next: ")).map(str::to_owned).collect()
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    ecp(folder, arguments).env_remove("ECP_QUIET").output().unwrap()
}

/// Runs a suggested command as a shell does.
fn copied(folder: &Path, line: &str) -> Output {
    let command = line.strip_prefix("ecp ").unwrap();
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("exec \"$ECP\" {command}")).current_dir(folder);
    for name in ["ECP_PROFILE", "ECP_PROFILES", "ECP_GATE_URL", "XDG_CONFIG_HOME", "ECP_QUIET"] {
        shell.env_remove(name);
    }
    shell.env("HOME", folder).env("ECP", env!("CARGO_BIN_EXE_ecp")).stdin(Stdio::null());
    shell.output().unwrap()
}

/// The status line and the rest of an answer to `GET`.
fn get(url: &str) -> String {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let request = format!("GET /{path} HTTP/1.0\r\nhost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_sample_sale_leads_to_its_page_and_its_status() {
    let sandbox = Sandbox::start();
    let url = &sandbox.url;
    let sale = run(sandbox.folder(), &["sale", "jeton", "--sample", "--gate-url", url]);
    assert_eq!(sale.status.code(), Some(0), "{}", stderr(&sale));
    let id = stdout(&sale).split(':').next().unwrap().to_owned();
    assert!(id.starts_with("sample-"), "{id}");
    let filled = stderr(&sale).lines().next().unwrap();
    assert!(filled.starts_with(&format!("filled in: {id} 100.00 EUR --field ")), "{filled}");
    assert!(filled.contains(" --field customer.ip_address="), "{filled}");

    let next = next_lines(&sale);
    let [open, status] = next.as_slice() else { panic!("{next:?}") };
    let page = open.strip_prefix("open ").unwrap();
    assert!(page.starts_with(&format!("{url}/provider/")), "{page}");
    assert!(get(page).starts_with("HTTP/1.0 200"), "{}", get(page));
    assert_eq!(*status, format!("ecp status --gate-url {url} --wait {id}"));

    // The customer pays, and the suggested command sees it.
    let chosen = run(sandbox.folder(), &["status", &id, "--gate-url", url]);
    assert_eq!(next_lines(&chosen), next);
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let body = "{\"decision\":\"success\"}";
    let request = format!(
        "POST /sandbox/payments/1/{id}/decision HTTP/1.0\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream.read_to_string(&mut String::new()).unwrap();
    let ended = copied(sandbox.folder(), status);
    assert_eq!(ended.status.code(), Some(0), "{}", stderr(&ended));
    assert!(stdout(&ended).contains("status `success`"), "{}", stdout(&ended));
    let next = next_lines(&ended);
    assert_eq!(next, [format!("open {url}/dashboard/payment?project=1&id={id}")]);
    let page = get(next[0].strip_prefix("open ").unwrap());
    assert!(page.starts_with("HTTP/1.0 200") && page.contains(&id), "{page}");
}

#[test]
fn a_payout_by_examples_ends_and_names_its_page() {
    let sandbox = Sandbox::start();
    let given = ["payout", "jeton", "P 1", "20.00", "EUR", "--sample", "--wait"];
    let payout = run(sandbox.folder(), &[&given[..], &["--gate-url", &sandbox.url]].concat());
    assert_eq!(payout.status.code(), Some(0), "{} {}", stdout(&payout), stderr(&payout));
    let filled = stderr(&payout).lines().next().unwrap();
    // What is given is not filled in.
    assert!(
        filled.starts_with("filled in: 20.00 EUR --field ")
            || filled.starts_with("filled in: --field "),
        "{filled}"
    );
    assert_eq!(
        next_lines(&payout),
        [format!("open {}/dashboard/payment?project=1&id=P+1", sandbox.url)]
    );
}

#[test]
fn nothing_is_suggested_beside_json_and_with_quiet() {
    let sandbox = Sandbox::start();
    let url = &sandbox.url;
    for arguments in [
        &["sale", "jeton", "--sample", "--json", "--gate-url", url][..],
        &["--quiet", "sale", "jeton", "--sample", "--gate-url", url],
        &["sale", "jeton", "--sample", "--quiet", "--gate-url", url],
        &["demo", "--json"],
        &["demo", "--quiet"],
    ] {
        let output = run(sandbox.folder(), arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
        assert_eq!(next_lines(&output), Vec::<String>::new(), "{arguments:?}");
    }
    let shown = run(sandbox.folder(), &["demo"]);
    assert_eq!(next_lines(&shown), ["ecp sandbox"]);
    for (value, count) in [("1", 0), ("0", 1), ("", 1)] {
        let mut demo = ecp(sandbox.folder(), &["demo"]);
        let output = demo.env("ECP_QUIET", value).output().unwrap();
        assert_eq!(next_lines(&output).len(), count, "{value}");
    }
}

#[test]
fn a_suggested_command_selects_the_same_profile() {
    let sandbox = Sandbox::start();
    let profiles = format!(
        "[shop]\nproject = 1\nkey_env = \"SHOP_KEY\"\ntest = true\ngate_url = \"{}\"\n",
        sandbox.url
    );
    std::fs::write(sandbox.folder().join("my profiles.toml"), profiles).unwrap();
    let mut payout = ecp(sandbox.folder(), &["payout", "jeton", "--sample"]);
    payout.args(["--profiles", "my profiles.toml", "--profile", "shop"]).args(["--", "-P"]);
    let payout = payout
        .env_remove("ECP_QUIET")
        .env("SHOP_KEY", "sandbox-key-not-a-secret")
        .output()
        .unwrap();
    assert_eq!(payout.status.code(), Some(0), "{}", stderr(&payout));
    assert_eq!(
        next_lines(&payout).last().unwrap(),
        "ecp status --profile shop --profiles 'my profiles.toml' --wait -- -P"
    );
}

#[test]
fn examples_are_not_sent_to_the_platform() {
    let folder = tempfile::tempdir().unwrap();
    let profiles = "[shop]\nproject = 7\nkey_env = \"SHOP_KEY\"\ntest = true\n";
    std::fs::write(folder.path().join("profiles.toml"), profiles).unwrap();
    let shop = ["--profiles", "profiles.toml", "--profile", "shop"];
    let platform = ["--gate-url", "https://api.ecommpay.com"];
    for (arguments, name) in [(&shop[..], "shop"), (&platform, "sandbox")] {
        for command in
            [&["sale", "jeton"][..], &["payout", "jeton"], &["refund", "wallet-partner", "S"]]
        {
            let mut all = ecp(folder.path(), command);
            let output =
                all.arg("--sample").args(arguments).env("SHOP_KEY", "a key").output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
            assert_eq!(
                stderr(&output),
                format!(
                    "error: --sample sends example values, and profile `{name}` sends to \
                     https://api.ecommpay.com: it is only for the sandbox and for addresses of this machine\n"
                )
            );
        }
    }
    let refund = ecp(folder.path(), &["refund", "wallet-partner", "--sample"]).output().unwrap();
    assert_eq!(refund.status.code(), Some(2));
    assert_eq!(stderr(&refund), "error: the payment id is missing: write it after the method\n");
    for without in [&["sale", "jeton", "S-1"][..], &["sale", "jeton"], &["payout", "jeton", "P"]] {
        let output = ecp(folder.path(), without).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains("<AMOUNT>"), "{}", stderr(&output));
    }
}

#[test]
fn every_method_has_a_sample_of_what_it_offers() {
    let sandbox = Sandbox::start();
    for method in ecp_methods::Registry::builtin().iter() {
        let spec = method.spec();
        for flow in [ecp_methods::Operation::SALE, ecp_methods::Operation::PAYOUT] {
            let on_gate = ecp_methods::spec::Interface::Gate;
            if spec.rule(flow).is_none_or(|rule| !rule.interfaces().contains(&on_gate)) {
                continue;
            }
            let sent = sandbox.ecp(&[flow.name(), spec.code(), "--sample"]).output().unwrap();
            let name = spec.code();
            assert_eq!(sent.status.code(), Some(0), "{name} {flow}: {}", stderr(&sent));
            assert!(stdout(&sent).contains(": registered"), "{name} {flow}: {}", stdout(&sent));
        }
    }
}

#[test]
fn a_sandbox_a_listener_and_a_trigger_lead_to_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let first = |arguments: &[&str], lines: usize| {
        let mut command = ecp(folder.path(), arguments);
        let command = command.env_remove("ECP_QUIET").stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let read = BufReader::new(child.stderr.take().unwrap()).lines().take(lines);
        let read: Vec<String> = read.map(Result::unwrap).collect();
        (child, read)
    };
    let (mut sandbox, lines) = first(&["sandbox", "--addr", "127.0.0.1:0"], 2);
    let url = lines[0].strip_prefix("next: open ").unwrap().strip_suffix("/dashboard").unwrap();
    assert!(get(&format!("{url}/dashboard")).starts_with("HTTP/1.0 200"));
    let sale = lines[1].strip_prefix("next: ").unwrap();
    let method = sale.split(' ').nth(2).unwrap();
    assert_eq!(sale, format!("ecp sale {method} order-1 --sample --gate-url {url}"));
    let sold = copied(folder.path(), sale);
    assert_eq!(sold.status.code(), Some(0), "{}", stderr(&sold));
    assert!(stdout(&sold).starts_with("order-1: registered"), "{}", stdout(&sold));
    sandbox.kill().unwrap();
    sandbox.wait().unwrap();

    let (mut listener, lines) = first(&["listen", "--addr", "127.0.0.1:0"], 3);
    let trigger = lines[1].strip_prefix("next: ").unwrap();
    let callbacks = trigger.strip_prefix(&format!("ecp trigger {method} success ")).unwrap();
    assert_eq!(lines[2], format!("next: ecp sandbox --callback-url {callbacks}"));
    let sent = copied(folder.path(), trigger);
    assert_eq!(sent.status.code(), Some(0), "{}", stderr(&sent));
    assert_eq!(next_lines(&sent), [format!("ecp trigger {method} sale-decline {callbacks}")]);
    let other = copied(folder.path(), &next_lines(&sent)[0]);
    assert_eq!(other.status.code(), Some(0), "{}", stderr(&other));
    let named = ["--payment-id=-a b", "--amount", "7.00 EUR"];
    for (event, next) in [("sale-success", "sale-decline"), ("payout-decline", "payout-success")] {
        let sent =
            run(folder.path(), &[&["trigger", method, event, callbacks], &named[..]].concat());
        let next = format!(
            "ecp trigger {method} {next} {callbacks} --payment-id='-a b' --amount '7.00 EUR'"
        );
        assert_eq!(next_lines(&sent), [next], "{}", stderr(&sent));
        let other = copied(folder.path(), &next_lines(&sent)[0]);
        assert_eq!(other.status.code(), Some(0), "{}", stderr(&other));
    }
    listener.kill().unwrap();
    listener.wait().unwrap();

    let none = copied(folder.path(), trigger);
    let address = callbacks.strip_prefix("http://").unwrap().strip_suffix("/callbacks").unwrap();
    assert_eq!(
        stderr(&none),
        format!(
            "error: no answer from {callbacks}: connection refused. To receive it there, start a \
             receiver by: ecp listen --addr {address}\n"
        )
    );
}

#[test]
fn a_dry_run_leads_to_the_payment_and_that_to_the_comparison() {
    let sandbox = Sandbox::start();
    let rows = "general.payment_id;payment.amount;payment.currency;customer.ip_address;account.number\n\
                A-1;30000;EUR;192.0.2.1;93017949\n";
    std::fs::write(sandbox.folder().join("our payouts.csv"), rows).unwrap();
    let url = &sandbox.url;
    let dry = run(
        sandbox.folder(),
        &[
            "payouts",
            "our payouts.csv",
            "--method",
            "jeton",
            "--dry-run",
            "--yes",
            "--gate-url",
            url,
        ],
    );
    assert_eq!(dry.status.code(), Some(0), "{}", stderr(&dry));
    let next = next_lines(&dry);
    let pay = format!("ecp payouts 'our payouts.csv' --method jeton --yes --gate-url {url}");
    assert_eq!(next, [pay]);
    let paid = copied(sandbox.folder(), &next[0]);
    assert_eq!(paid.status.code(), Some(0), "{}", stderr(&paid));
    let next = next_lines(&paid);
    let [compare] = next.as_slice() else { panic!("{next:?}") };
    let begin =
        format!("ecp reconcile --gate-url {url} --journal 'our payouts.csv.journal' --from 2");
    assert!(compare.starts_with(&begin), "{compare}");
    let compared = copied(sandbox.folder(), compare);
    assert_eq!(compared.status.code(), Some(0), "{}{}", stdout(&compared), stderr(&compared));
}

#[test]
fn no_connection_names_the_address_and_the_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    let hint = "connection refused. If a sandbox should answer there, start one by: ecp sandbox \
                --addr 127.0.0.1:1\n";
    for command in [
        &["status", "P"][..],
        &["clarify", "P", "--field", "a=b"],
        &["operations", "--from", "2026-01-01", "--to", "2026-01-02"],
    ] {
        let mut failed = ecp(folder.path(), command);
        let output = failed.args(["--gate-url", "http://127.0.0.1:1"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        assert_eq!(
            stderr(&output),
            format!("error: cannot connect to http://127.0.0.1:1: {hint}"),
            "{command:?}"
        );
    }
    let mut waited = ecp(folder.path(), &["status", "P", "--wait=1s"]);
    let output = waited.args(["--gate-url", "http://localhost:1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(
        stdout(&output).contains("cannot connect to http://localhost:1: ")
            && stdout(&output).ends_with("start one by: ecp sandbox --addr 127.0.0.1:1\n"),
        "{}",
        stdout(&output)
    );
    // A profile whose address is elsewhere has no sandbox to start.
    let profiles = "[shop]\nproject = 7\nkey_env = \"SHOP_KEY\"\n";
    std::fs::write(folder.path().join("profiles.toml"), profiles).unwrap();
    let mut shop = ecp(folder.path(), &["status", "P", "--profile", "shop"]);
    let shop = shop.args(["--profiles", "profiles.toml", "--gate-url", "https://gate.invalid"]);
    let output = shop.env("SHOP_KEY", "a key").output().unwrap();
    assert!(
        stderr(&output).contains("error: cannot connect to https://gate.invalid: "),
        "{output:?}"
    );
    assert!(!stderr(&output).contains("ecp sandbox"), "{}", stderr(&output));
}

#[test]
fn payouts_and_reports_without_a_connection_name_the_address() {
    let folder = tempfile::tempdir().unwrap();
    let rows = "general.payment_id;payment.amount;payment.currency;customer.ip_address;account.number\n\
                A-1;30000;EUR;192.0.2.1;93017949\n";
    std::fs::write(folder.path().join("payouts.csv"), rows).unwrap();
    let nowhere = ["--gate-url", "http://127.0.0.1:1"];
    let mut payouts = ecp(folder.path(), &["payouts", "payouts.csv", "--method", "jeton", "--yes"]);
    let output = payouts.args(nowhere).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    let why = stderr(&output).lines().find(|line| line.starts_with("not sent to ")).unwrap();
    assert!(why.starts_with("not sent to http://127.0.0.1:1: "), "{why}");
    assert!(why.ends_with("start one by: ecp sandbox --addr 127.0.0.1:1"), "{why}");

    let template = "[reports.all]\nformat = \"csv\"\n";
    std::fs::write(folder.path().join("reports.toml"), template).unwrap();
    let mut reports = ecp(
        folder.path(),
        &["reports", "run", "all", "--from", "2026-01-01", "--to", "2026-01-02"],
    );
    let output = reports.args(nowhere).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("cannot connect to http://127.0.0.1:1: connection refused"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_comparison_is_suggested_from_the_day_of_the_first_row_and_only_with_a_data_api() {
    let sandbox = Sandbox::start();
    let rows = "general.payment_id;payment.amount;payment.currency;customer.ip_address;account.number\n\
                A-1;30000;EUR;192.0.2.1;93017949\n";
    std::fs::write(sandbox.folder().join("payouts.csv"), rows).unwrap();
    let profiles = format!(
        "[shop]\nproject = 1\nkey_env = \"SHOP_KEY\"\ntest = true\nfirst_question_after = \"200ms\"\n\
         gate_url = \"{}\"\n",
        sandbox.url
    );
    std::fs::write(sandbox.folder().join("profiles.toml"), profiles).unwrap();
    let pay = ["payouts", "payouts.csv", "--method", "jeton", "--yes"];
    let mut shop = ecp(sandbox.folder(), &pay);
    shop.args(["--profiles", "profiles.toml", "--profile", "shop"]);
    let paid =
        shop.env_remove("ECP_QUIET").env("SHOP_KEY", "sandbox-key-not-a-secret").output().unwrap();
    assert_eq!(paid.status.code(), Some(0), "{}", stderr(&paid));
    assert_eq!(next_lines(&paid), Vec::<String>::new());
}

#[test]
fn what_was_probably_meant_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("profiles.toml"),
        "[shop]\nproject = 7\nkey_env = \"SHOP_KEY\"\n",
    )
    .unwrap();
    for (arguments, words) in [
        (&["sale", "jetton", "S", "1.00 EUR"][..], "did you mean `jeton`?"),
        (&["methods", "jetton"], "did you mean `jeton`?"),
        (&["demo", "--method", "eco-vaucher"], "did you mean `eco-voucher`?"),
        (&["page-url", "touchngoo", "S", "1.00 MYR"], "did you mean `touchngo`?"),
        (&["sale", "jeton", "S", "1.00", "ERU"], "did you mean one of ERN, EUR, MRU?"),
        (&["payout", "jeton", "S", "1.00 eur"], "did you mean `EUR`?"),
        (&["refund", "jeton", "S", "--part", "1.00", "ERU"], "did you mean one of ERN, EUR, MRU?"),
        (&["inbox", "list", "--db", "x", "--state", "deed"], "did you mean `dead`?"),
        (&["sandbox", "--fault", "wrong_amonut"], "did you mean `wrong_amount`?"),
        (
            &["status", "S", "--profiles", "profiles.toml", "--profile", "shp"],
            "did you mean `shop`?",
        ),
        (&["status", "S", "--profile", "sandbx"], "there is no profile `sandbx`"),
        (&["demo", "--flow", "payuot"], "payout"),
        (&["pyaout"], "similar subcommands exist: 'payouts', 'payout'"),
    ] {
        let output = ecp(folder.path(), arguments).output().unwrap();
        assert!(matches!(output.status.code(), Some(1 | 2)), "{arguments:?}");
        assert!(stderr(&output).contains(words), "{arguments:?}: {}", stderr(&output));
    }
    let mut misspelt = ecp(folder.path(), &["trigger", "jeton", "sucess", "http://127.0.0.1:1/"]);
    let output = misspelt.args(["--operation-status", "declined"]).output().unwrap();
    assert!(
        stderr(&output).starts_with(
            "warning: `sucess` is not a known status of a payment; did you mean `success`?\n\
             warning: `declined` is not a known status of an operation; did you mean `decline`?\n"
        ),
        "{}",
        stderr(&output)
    );
}

#[test]
fn an_amount_may_be_two_words() {
    let sandbox = Sandbox::start();
    let mut sale = sandbox.ecp(&["sale", "jeton", "S-1", "50.00", "EUR", "--sample"]);
    assert_eq!(sale.output().unwrap().status.code(), Some(0));
    until("the amount is the given one", || {
        let status = sandbox.ecp(&["status", "S-1"]).output().unwrap();
        stdout(&status).contains("50.00 EUR").then_some(())
    });
    let page = ["page-url", "jeton", "S-2", "50.00", "EUR", "--field", "customer.id=7"];
    let page = sandbox.ecp(&page).output().unwrap();
    assert!(stdout(&page).contains("payment_amount=5000&"), "{}", stdout(&page));
}
