//! `ecp-disks [--seeds N] [--seed FIRST] [--beside N] [--subject inbox|payouts]` for people, `ecp-disks child ..` for itself.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("left out: disks that fail need Linux and FUSE");
    ExitCode::SUCCESS
}

#[cfg(target_os = "linux")]
mod linux {
    use std::process::ExitCode;
    use std::thread;

    use ecp_disks::payouts::{self, Paid};
    use ecp_disks::{Plan, Summary, child, mount, payer, run};

    const USAGE: &str = "\
Usage: ecp-disks [--seeds N] [--seed FIRST] [--beside N] [--subject inbox|payouts]

Plays N seeds, 100 by default, from the given one or 1, so many beside each other (2 by default):
of an inbox, then of a payer.
";

    pub(crate) fn main() -> ExitCode {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match *arguments {
            ["child", "payer", journal, books] => return payer::run(journal, books),
            ["child", path] => return child::run(path),
            _ => {}
        }
        let (mut seeds, mut seed, mut beside, mut subject) = (100, 1, 2, None);
        for option in arguments.chunks(2) {
            let [name, value] = *option else { return usage() };
            let number = value.parse::<u64>();
            match (name, number) {
                ("--seeds", Ok(number)) => seeds = number,
                ("--seed", Ok(number)) => seed = number,
                ("--beside", Ok(number)) => beside = number.max(1),
                ("--subject", _) if value == "inbox" || value == "payouts" => subject = Some(value),
                _ => return usage(),
            }
        }
        if let Some(missing) = mount::missing() {
            eprintln!("left out: disks that fail ({missing})");
            return ExitCode::SUCCESS;
        }
        let program = match std::env::current_exe() {
            Ok(program) => program,
            Err(error) => return failed(&error.to_string()),
        };
        let share = seeds.div_ceil(beside);
        let parts = (0..beside).map(|part| (part * share).min(seeds)).map(|begin| Plan {
            program: program.clone(),
            seed: seed + begin,
            seeds: share.min(seeds - begin),
            is_lying: false,
        });
        let parts: Vec<Plan> = parts.collect();
        if subject != Some("payouts") {
            let mut summary = Summary::default();
            match play(&parts, run, |part| summary.add(&part)) {
                Ok(()) => println!("{summary}"),
                Err(error) => return failed(&error),
            }
        }
        if subject != Some("inbox") {
            let mut paid = Paid::default();
            match play(&parts, payouts::run, |part| paid.add(&part)) {
                Ok(()) => println!("{paid}"),
                Err(error) => return failed(&error),
            }
        }
        ExitCode::SUCCESS
    }

    fn failed(error: &str) -> ExitCode {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    }

    fn usage() -> ExitCode {
        eprint!("{USAGE}");
        ExitCode::from(2)
    }

    /// Plays the parts beside each other.
    fn play<T: Send>(
        parts: &[Plan],
        run: fn(&Plan) -> Result<T, String>,
        mut add: impl FnMut(T),
    ) -> Result<(), String> {
        thread::scope(|scope| {
            let parts: Vec<_> = parts.iter().map(|plan| scope.spawn(move || run(plan))).collect();
            for part in parts {
                let played = part.join().map_err(|_| "a part of the run panicked")?;
                add(played?);
            }
            Ok(())
        })
    }
}
