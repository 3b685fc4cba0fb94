//! Project automation. `cargo xtask ci` runs every check in order and says what each is for.

mod api;
mod bench_gate;
mod book;
mod catalogue;
mod ci;
mod crash;
mod deny;
mod docs;
mod fuzz;
mod layers;
mod new_method;
mod package;
mod picture;
mod readme;
mod screenshots;
mod sdks;
mod test_times;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "\
Usage: cargo xtask <COMMAND>

Commands:
  advisories               security advisories about the dependencies, by cargo-deny; fetches them
  api [--check]            write the public API of each library to docs/api; --check says what is
                           gone from it or new, and fails
  bench-gate [--write]     count the instructions of the core paths and fail where one grew by more
                           than 3 % over benches/instructions.txt, or write that file
  book                     make the book of docs/ in target/book, by mdBook
  catalogue FACTS.json     begin the methods of ecp-catalogue that its file of facts
                           (crates/ecp-catalogue/tests/data/facts.json) has and that have no file
                           yet; what is there is not overwritten
  ci [--without-tests] [--timings]
                           every check, in order; --without-tests leaves out `cargo test`;
                           --timings lists the slowest checks and test binaries at the end
  deny                     licences, versions and sources of the dependencies, by cargo-deny
  docs [--check]           write what is generated: docs/METHODS.md and the tables in the method
                           files from the specs, the crates' READMEs from their documentation,
                           docs/architecture.svg from the layers;
                           --check only says whether they are up to date
  new-method NAME          begin a payment method: its file, and its line in the list
  crash [--rounds N] [--store sqlite|postgres] [--seed N]
                           kill processes that have an inbox, and look whether anything was lost
                           or done twice; 50 rounds on each store by default
  disks [--seeds N] [--seed FIRST] [--beside N]
                           run an inbox over disks that fail and lose power, with clocks that jump, and
                           look whether anything was lost or done twice; 100 seeds by default; needs FUSE
  failover [--rounds N] [--seed N] [--commit on|local] [--histories FOLDER]
                           kill primaries of Postgres and promote their standbys behind receivers,
                           and look whether anything was lost or done twice; 10 rounds by default;
                           with --commit local commits do not wait for the standby
  fuzz [TARGET [SECONDS]]  fuzz a target, or all at once, for 60 seconds by default
  package [--no-verify]    make what would be published in target/package, and build each from there
  simulate [ROWS] [SEED] [--payers N]
                           pay a file through failures and kills, and prove that each row is paid once; with
                           several payers over Postgres, also through a failover
  screenshots              take pictures of the sandbox's pages for docs/screenshots; needs
                           Debian's chromium-headless-shell or chromium, and chromium-driver
  sdks                     install what tests need from PyPI and npm in target/sdks: the platform's
                           SDKs, an SMTP server, a check of Kubernetes manifests
";

const CI_OPTIONS: &[&str] = &["--timings", "--without-tests"];

fn main() -> ExitCode {
    if std::env::var_os(api::AS_RUSTDOC).is_some() {
        return api::as_rustdoc();
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["api"] => report(&api::api(&root(), false)),
        ["api", "--check"] => report(&api::api(&root(), true)),
        ["bench-gate"] => report(&bench_gate::bench_gate(&root(), false)),
        ["bench-gate", "--write"] => report(&bench_gate::bench_gate(&root(), true)),
        ["book"] => report(&book::book(&root())),
        ["catalogue", facts] => report(&catalogue::catalogue(&root(), facts)),
        ["ci", options @ ..] if options.iter().all(|option| CI_OPTIONS.contains(option)) => {
            ci::ci(!options.contains(&"--without-tests"), options.contains(&"--timings"))
        }
        ["advisories"] => report(&deny::advisories()),
        ["deny"] => report(&deny::deny()),
        ["docs"] => report(&docs::docs(&root(), false)),
        ["docs", "--check"] => report(&docs::docs(&root(), true)),
        ["new-method", name] => report(&new_method::new_method(&root(), name)),
        ["crash", options @ ..] => crash::crash(options),
        ["disks", options @ ..] => crash::disks(options),
        ["failover", options @ ..] => crash::fail_over(options),
        ["fuzz"] => fuzz::fuzz(None, "30"),
        ["fuzz", target] => fuzz::fuzz(Some(target), "30"),
        ["fuzz", target, seconds] => fuzz::fuzz(Some(target), seconds),
        ["package"] => report(&package::package(&root(), true)),
        ["package", "--no-verify"] => report(&package::package(&root(), false)),
        ["simulate", rest @ ..] => {
            let run_it = ["run", "--release", "--package", "ecp-simulations", "--"];
            run("cargo", &[&run_it, rest].concat(), &[])
        }
        ["screenshots"] => report(&screenshots::screenshots(&root())),
        ["sdks"] => report(&sdks::sdks(&root())),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn report(result: &Result<(), String>) -> bool {
    if let Err(error) = result {
        eprintln!("error: {error}");
    }
    result.is_ok()
}

/// Reports a skipped check; an error where `CI` is set, so that none is skipped there unseen.
fn left_out(text: String) -> Result<(), String> {
    if std::env::var_os("CI").is_some() {
        return Err(text);
    }
    println!("{text}");
    Ok(())
}

/// The root of the workspace.
fn root() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let top = here.ancestors().find(|folder| folder.join("xtask/Cargo.toml").is_file());
    top.unwrap_or(&here).to_owned()
}

/// The crates that are published: each folder of `crates`, in alphabetical order.
fn published_crates(root: &Path) -> Result<Vec<String>, String> {
    let folders = fs::read_dir(root.join("crates")).map_err(|error| format!("crates: {error}"))?;
    let mut names: Vec<String> = folders
        .filter_map(|folder| folder.ok()?.file_name().into_string().ok())
        .filter(|name| root.join("crates").join(name).join("Cargo.toml").is_file())
        .collect();
    names.sort();
    Ok(names)
}

/// The published crates that are libraries.
fn library_crates(root: &Path) -> Result<Vec<String>, String> {
    let mut names = published_crates(root)?;
    names.retain(|name| root.join("crates").join(name).join("src/lib.rs").is_file());
    Ok(names)
}

fn run(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).envs(environment.iter().copied()).current_dir(root());
    // Cargo set these for xtask itself.
    command.env_remove("CARGO").env_remove("CARGO_MANIFEST_DIR");
    match command.status() {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("cannot run {program}: {error}");
            false
        }
    }
}
