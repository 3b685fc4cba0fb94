//! Prints how many callbacks a second each store takes in durably, beside its floors.
//!
//! `durable [--seconds N] [--turns N] [--senders N] [--fill N] [--before PATH] [--pgmq SCRIPT]
//! [--peer PATH] [--standby yes] [--only-store NAME] [--machine-readable]`: see [`ecp_benches::durable`].

fn main() {
    let arguments = std::env::args().skip(1);
    match ecp_benches::durable::Options::parse(arguments) {
        Ok(options) => ecp_benches::durable::run(&options),
        Err(problem) => {
            eprintln!("{problem}");
            std::process::exit(2);
        }
    }
}
