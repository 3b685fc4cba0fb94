//! The `ecp` command shows no secret and nothing of a customer where it is not asked to, although it
//! logs as much as it can.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, unused_imports, unused_macros, reason = "the libraries' test needs more of it")]
#[path = "../../ecp-testkit/tests/sentinels/marks.rs"]
mod marks;

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use ecp_methods::request::Field;
use ecp_testkit::sentinels::Capture;

use marks::{
    DATA_KEY, KEY, OTHER_KEY, TOKEN, WRONG_TOKEN, callback, payout_file, sign, sign_with, value,
};

#[test]
fn the_command_shows_none_where_it_is_not_asked_to() {
    let capture = Capture::new();
    run(&capture);
    let leaks = capture.leaks(&marks::sentinels());
    let leaks: Vec<String> = leaks.iter().map(ToString::to_string).collect();
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
}

/// The command prints a customer's data where it is asked to, in the pipe in which the test above
/// looks, so that finding nothing there means something.
#[test]
fn what_the_command_is_asked_to_print_is_noticed() {
    let place = Place::new();
    let fields = fields();
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    let page = ["page-url", "jeton", "X1", "100.00 EUR", "--profile", "shop"];
    let capture = Capture::new();
    capture.note("page-url", both(&place.run(&[&page[..], &fields].concat())));
    assert_ne!(capture.leaks(&marks::sentinels()).len(), 0);
}

const PROFILES: [&str; 2] = ["shop", "wrong"];

/// The file of payouts of a profile, which has a journal of its own.
fn good(profile: &str) -> String {
    format!("good-{profile}.csv")
}

/// A place to run in, with profiles and a sandbox that has the marked key.
struct Place {
    folder: tempfile::TempDir,
    sandbox: Option<Child>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let profile = |name: &str, key: &str, token: &str| {
            format!(
                "[{name}]\nproject = 1236\nkey_env = \"{key}\"\ntest = true\n\
                 not_found_after = \"1s\"\nfirst_question_after = \"1s\"\ndata_token_env = \"{token}\"\n\
                 data_key_env = \"DATA_KEY\"\n"
            )
        };
        let profiles =
            profile("shop", "SHOP_KEY", "TOKEN") + &profile("wrong", "OTHER_KEY", "WRONG_TOKEN");
        std::fs::write(folder.path().join("profiles.toml"), profiles).unwrap();
        for profile in PROFILES {
            std::fs::write(folder.path().join(good(profile)), payout_file(false)).unwrap();
        }
        std::fs::write(folder.path().join("bad.csv"), payout_file(true)).unwrap();
        let genuine = sign(&callback("X1", "success", 7));
        std::fs::write(folder.path().join("genuine.json"), genuine).unwrap();
        let forged = sign_with(OTHER_KEY, &callback("X1", "success", 7));
        std::fs::write(folder.path().join("forged.json"), forged).unwrap();
        std::fs::write(folder.path().join("broken.json"), callback("X1", "a", 7).split_at(400).0)
            .unwrap();
        Self { folder, sandbox: None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ecp"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        for name in ["ECP_PROFILE", "ECP_GATE_URL", "XDG_CONFIG_HOME"] {
            command.env_remove(name);
        }
        command.env("HOME", self.folder.path()).env("ECP_PROFILES", "profiles.toml");
        command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1");
        command.env("SHOP_KEY", KEY).env("OTHER_KEY", OTHER_KEY);
        command.env("TOKEN", TOKEN).env("WRONG_TOKEN", WRONG_TOKEN).env("DATA_KEY", DATA_KEY);
        command
    }

    /// Starts the sandbox and writes its address into the profiles.
    fn start_sandbox(&mut self) -> String {
        let log = self.path("sandbox.log");
        let arguments = ["sandbox", "--addr", "127.0.0.1:0", "--project", "1236"];
        let sandbox = self
            .command(&[&arguments[..], &["--key-env", "SHOP_KEY"]].concat())
            .stdout(File::create(&log).unwrap())
            .stderr(File::create(self.path("sandbox.err")).unwrap())
            .spawn();
        self.sandbox = Some(sandbox.unwrap());
        let url = until("the sandbox prints its address", || {
            let text = std::fs::read_to_string(&log).unwrap();
            let line = text.lines().find_map(|line| line.strip_prefix("Gate:"))?;
            Some(line.trim().strip_suffix("/v2/payment/..")?.to_owned())
        });
        let profiles = std::fs::read_to_string(self.path("profiles.toml")).unwrap();
        let to = format!("test = true\ndata_url = \"{url}\"\n");
        std::fs::write(self.path("profiles.toml"), profiles.replace("test = true\n", &to)).unwrap();
        url
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs the command with a file as its standard input.
    fn run_on(&self, document: &str, arguments: &[&str]) -> Output {
        let input = File::open(self.path(document)).unwrap();
        self.command(arguments).stdin(input).output().unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(sandbox) = &mut self.sandbox {
            let _ = sandbox.kill();
            let _ = sandbox.wait();
        }
    }
}

fn both(output: &Output) -> String {
    format!("{}\n{}", text(&output.stdout), text(&output.stderr))
}

/// What a customer is, as options of the command.
fn fields() -> Vec<String> {
    let of_customer = |field: &&Field| {
        let path = field.path();
        path.starts_with("customer.")
            || path.starts_with("account.")
            || path.starts_with("return_url.")
    };
    let given = Field::KNOWN.iter().filter(of_customer);
    given.flat_map(|field| ["--field".to_owned(), format!("{field}={}", value(*field))]).collect()
}

/// Looks again and again, for a minute at most.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Everything but what the command is asked to print: a document's own canonical string, a page's
/// own address.
fn run(capture: &Capture) {
    let mut place = Place::new();
    let url = place.start_sandbox();
    let (place, gate) = (&place, ["--gate-url", &*url]);
    std::thread::scope(|scope| {
        for profile in PROFILES {
            let with = [&["--profile", profile][..], &gate].concat();
            // A payout's status is not requested before the method's base time, so the two that wait
            // for it run beside the rest.
            let common = with.clone();
            scope.spawn(move || {
                let payout = ["payout", "jeton", "P-2", "300.00 EUR", "--wait=20s"];
                note(capture, place, &[&payout[..], &common].concat(), true);
            });
            let common = with.clone();
            scope.spawn(move || pay_file(capture, place, profile, &common));
            scope.spawn(move || run_at_once(capture, place, profile, &with));
        }
    });
    let paid = std::fs::read_to_string(place.path("sandbox.log")).unwrap();
    assert!(paid.contains("P-11"), "{paid}");
    capture.note("what the sandbox prints", paid);

    for (document, verdict) in [("genuine.json", 0), ("forged.json", 1), ("broken.json", 1)] {
        let verified = place.run_on(document, &["verify", "--key-env", "SHOP_KEY"]);
        assert_eq!(verified.status.code(), Some(verdict), "{}", both(&verified));
        capture.note("verify", both(&verified));
        for job in ["explain", "sign"] {
            // They print the document and its signature; the key they never do.
            let printed = both(&place.run_on(document, &[job, "--key-env", "SHOP_KEY"]));
            assert!(!printed.contains(KEY), "{job} {document}");
            let refused = place.run_on(document, &[job, "--key-env", "NO_SUCH_KEY"]);
            assert!(!refused.status.success(), "{job} {document}");
            capture.note(job, both(&refused));
        }
    }
    listen(capture, place);
}

/// Runs the command, and keeps what it prints. What it was given is no leak.
fn note(capture: &Capture, place: &Place, arguments: &[&str], with_fields: bool) -> Output {
    let fields = if with_fields { fields() } else { Vec::new() };
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    let output = place.run(&[arguments, &fields].concat());
    capture.note(arguments[0], both(&output));
    output
}

/// Pays the rows of a file, which wait for the base time of their method.
fn pay_file(capture: &Capture, place: &Place, profile: &str, common: &[&str]) {
    let good = good(profile);
    let pay = ["payouts", &good, "--yes", "--wait=5s"];
    note(capture, place, &[&pay[..], common].concat(), false);
    for written in [format!("{good}.results.csv"), format!("{good}.journal")] {
        let bytes = std::fs::read(place.path(&written)).unwrap();
        capture.note(&written, String::from_utf8_lossy(&bytes));
    }
}

/// Runs everything that waits for nothing.
fn run_at_once(capture: &Capture, place: &Place, profile: &str, common: &[&str]) {
    let good = good(profile);
    for arguments in [
        &["sale", "jeton", "S-1", "100.00 EUR"][..],
        &["sale", "jeton", "S-1", "100.00 EUR", "--json"],
        &["sale", "jeton", "S-2", "0.01 EUR"],
        &["payout", "jeton", "P-1", "300.00 EUR"],
        &["payout", "jeton", "P-1", "300.00 EUR", "--json"],
        &["refund", "wallet-partner", "S-1"],
    ] {
        let bad = ["--field", "customer.phone=mark-of-a-value-that-no-field-takes"];
        note(capture, place, &[arguments, common].concat(), true);
        note(capture, place, &[arguments, common, &bad].concat(), true);
    }
    for arguments in [
        &["status", "S-1"][..],
        &["status", "P-1", "--wait=1s", "--json"],
        &["payouts", "bad.csv"],
        &["payouts", &good, "--dry-run"],
    ] {
        note(capture, place, &[arguments, common].concat(), false);
    }
    let span = ["--from", "2020-01-01 00:00:00", "--to", "2099-01-01 00:00:00"];
    let operations = [&["operations", "--profile", profile][..], &span].concat();
    let operations = note(capture, place, &operations, false);
    assert_ne!(operations.status.code(), Some(0));
    let fields = fields();
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    let page = ["page-url", "jeton", "X1", "100.00 EUR"];
    let page = place.run(&[&page[..], common, &fields].concat());
    capture.note("page-url, beside the address", text(&page.stderr));
}

/// `ecp listen`, given everything that may come.
fn listen(capture: &Capture, place: &Place) {
    for json in [&[][..], &["--json"]] {
        let log = place.path("listen.log");
        let arguments = ["listen", "--profile", "shop", "--addr", "127.0.0.1:0"];
        let mut listening = place
            .command(&[&arguments[..], json].concat())
            .stdout(File::create(&log).unwrap())
            .stderr(File::create(place.path("listen.err")).unwrap())
            .spawn()
            .unwrap();
        let address = until("the receiver prints its address", || {
            let printed = std::fs::read_to_string(place.path("listen.err")).unwrap();
            let (_, rest) = printed.split_once("http://")?;
            Some(rest.split_once(' ')?.0.to_owned())
        });
        for document in ["genuine.json", "forged.json", "broken.json"] {
            post(&address, &std::fs::read(place.path(document)).unwrap());
        }
        until("three callbacks are printed", || {
            (std::fs::read_to_string(&log).unwrap().lines().count() == 3).then_some(())
        });
        listening.kill().unwrap();
        listening.wait().unwrap();
        capture.note("listen", std::fs::read_to_string(&log).unwrap());
        capture.note("listen", std::fs::read_to_string(place.path("listen.err")).unwrap());
    }
}

fn post(address: &str, body: &[u8]) {
    use std::io::{Read as _, Write as _};

    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let length = body.len();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
