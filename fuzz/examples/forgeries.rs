//! `forgeries COUNT [SEED]`: makes that many documents from genuine ones, and counts those that
//! have one reading and hide an item.

use std::process::ExitCode;

use ecp_fuzz::{Choices, Search};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>().ok());
    let (count, seed) = match (arguments.next(), arguments.next()) {
        (Some(Some(count)), None) => (count, 1),
        (Some(Some(count)), Some(Some(seed))) => (count, seed),
        _ => {
            eprintln!("error: expected `forgeries COUNT [SEED]`");
            return ExitCode::from(2);
        }
    };
    let mut search = Search::default();
    let mut choices = Choices::Seeded(seed);
    while search.tally.made < count && search.tally.forged.is_empty() {
        search.round(&mut choices);
    }
    println!("{}", search.tally);
    if search.tally.forged.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
